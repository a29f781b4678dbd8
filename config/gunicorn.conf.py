"""How gunicorn serves: one process with many threads.

One process, because CTranslate2 is not fork-safe and sessions live in memory; no preload and no
`max_requests` for the same reasons.
"""

import os
import resource

from config import logs
from config.servers import read_servers
from config.settings import SettingError, Settings

# numpy's threads would keep a core busy for a tenth of a second after each pass, waiting for work
# of which there is none: the model has the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

try:
    _settings = Settings.from_env()
    read_servers(_settings.servers)  # so that a bad list stops the start, and not the first page
    _settings.archive()  # before anything listens
except SettingError as error:
    raise SystemExit(f"A setting can't be used: {error}") from None

bind = f"{_settings.host}:{_settings.port}"
workers = 1
worker_class = "config.draining_worker.DrainingWorker"
# Besides those that wait for passes, one for each body that is being read: see `api.body`.
threads = _settings.threads + _settings.most_bodies
worker_connections = 1000
# Each is a file handle, of which a process may have hardly more by default.
_wanted, (_soft, _hard) = 4 * worker_connections, resource.getrlimit(resource.RLIMIT_NOFILE)
if _soft != resource.RLIM_INFINITY and _soft < _wanted:
    _most = _wanted if _hard == resource.RLIM_INFINITY else min(_wanted, _hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_most, _hard))
keepalive = 30
timeout = 60
graceful_timeout = 28
preload_app = False
logconfig_dict = logs.config(_settings.log_level, _settings.log_format, bool(_settings.log_text))
accesslog = None
# No header tells where the application is, or which path was meant.
forwarded_allow_ips = ""
forwarder_headers = ""
# Nobody steers this server by gunicorn's control socket, and two servers would share one.
control_socket_disable = True
