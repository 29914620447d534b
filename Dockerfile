# The one image: every function and event delivery; TPS_FUNCTION says which function a container serves.

FROM python:3.11-slim AS packages
COPY requirements-server.lock requirements-npm.lock ./
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements-server.lock
# npm fetches the GUI's libraries now, so that publishing the GUI needs no network later. npm itself stays behind.
RUN python -m venv /opt/npm \
 && /opt/npm/bin/pip install --no-cache-dir --require-hashes -r requirements-npm.lock
COPY shared ./shared
COPY gui ./gui
RUN PATH=/opt/npm/bin:$PATH PYTHONPATH=shared TPS_GUI_CACHE=/opt/gui-libraries \
    /opt/venv/bin/python -m tps.local.gui.libraries

FROM python:3.11-slim
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /opt/gui-libraries /opt/gui-libraries
WORKDIR /app
COPY stack.yml ./
COPY shared ./shared
COPY functions ./functions
COPY gui ./gui
# Compiled now, because the file system is read-only later and a cold function must be ready fast.
RUN python -m compileall -q shared functions
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app/shared \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PORT=8080
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8080
CMD ["python", "-m", "tps.host.worker"]
