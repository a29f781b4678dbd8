# The service as a Hugging Face Docker Space, or anywhere else. A Space passes its variables as
# build arguments:
#   ACCELERATOR=cuda        for a Space with an NVIDIA GPU (default: cpu)
#   MODEL_AT_BUILD=NAME     the model to carry in the image (default: base, which MODEL=auto takes
#                           on up to 4 cores; on a GPU it takes large-v3-turbo); empty carries
#                           none, and the first start fetches it
FROM python:3.12-slim-bookworm

# A Space runs everything as user 1000.
RUN useradd --create-home --uid 1000 user \
 && install --directory --owner=user --group=user /home/user/app
WORKDIR /home/user/app

# What changes least comes first, so that a new version of the code installs nothing anew.
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
    --require-hashes --only-binary :all: -r requirements.lock

# cuBLAS goes into a folder of its own, where the loader finds it whatever the version of Python.
ARG ACCELERATOR=cpu
COPY requirements-cuda.lock ./
RUN case "$ACCELERATOR" in \
      cpu) ;; \
      cuda) pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
              --require-hashes --only-binary :all: --target /opt/cuda -r requirements-cuda.lock ;; \
      *) echo "ACCELERATOR is cpu or cuda, not '$ACCELERATOR'" >&2; exit 1 ;; \
    esac
ENV LD_LIBRARY_PATH=/opt/cuda/nvidia/cublas/lib:/opt/cuda/nvidia/cuda_nvrtc/lib \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

USER 1000

# Everything written lies in the home folder. A volume on ~/.cache keeps the sessions when the
# container is replaced, the kernels that a GPU newer than the wheel compiles at its first use, and
# models fetched later with MODELS_DIR in it.
ENV HOME=/home/user \
    XDG_CACHE_HOME=/home/user/.cache \
    HF_HOME=/home/user/.cache/huggingface \
    CUDA_CACHE_PATH=/home/user/.cache/cuda \
    MODELS_DIR=/home/user/models \
    PYTHONUNBUFFERED=1
RUN mkdir -p "$HF_HOME" "$CUDA_CACHE_PATH" "$MODELS_DIR"

# Only what the fetch imports, so that other changes don't fetch the weights again.
COPY --chown=user config/__init__.py config/settings.py config/weights.json ./config/
COPY --chown=user transcriber/__init__.py ./transcriber/
COPY --chown=user transcriber/engine ./transcriber/engine
ARG MODEL_AT_BUILD=base
RUN if [ -n "$MODEL_AT_BUILD" ]; then python -m transcriber.engine.fetch "$MODEL_AT_BUILD"; fi

COPY --chown=user . .

EXPOSE 7860
STOPSIGNAL SIGTERM

# The proxy of the environment, if any, is not for a request to the container itself.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as request; \
    port = os.environ.get('PORT') or 7860; \
    opener = request.build_opener(request.ProxyHandler({})); \
    opener.open(f'http://127.0.0.1:{port}/health/live', timeout=4)"]

CMD ["gunicorn", "-c", "config/gunicorn.conf.py", "app:create_app()"]
