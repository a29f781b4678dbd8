"""How gunicorn serves: one process with many threads.

One process, because CTranslate2 is not fork-safe and sessions live in memory; no preload and no
`max_requests` for the same reasons.
"""

from config import logs
from config.servers import read_servers
from config.settings import SettingError, Settings

try:
    _settings = Settings.from_env()
    read_servers(_settings.servers)  # so that a bad list stops the start, and not the first page
except SettingError as error:
    raise SystemExit(f"A setting can't be used: {error}") from None

bind = f"{_settings.host}:{_settings.port}"
workers = 1
worker_class = "config.draining_worker.DrainingWorker"
# Besides those that wait for passes, one for each body that is being read: see `api.body`.
threads = _settings.threads + _settings.most_bodies
worker_connections = 1000
keepalive = 30
timeout = 60
graceful_timeout = 28
preload_app = False
logconfig_dict = logs.config(_settings.log_level, _settings.log_format, bool(_settings.log_text))
accesslog = None
# Nobody steers this server by gunicorn's control socket, and two servers would share one.
control_socket_disable = True
