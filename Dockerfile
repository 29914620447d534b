# One image for every function and for event delivery. TPS_FUNCTION selects the function of a container.

FROM python:3.11-slim AS packages
COPY requirements-server.lock requirements-npm.lock ./
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements-server.lock
# npm fetches the GUI's libraries now, so that publishing the GUI needs no network later. The image contains no npm.
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
# Compile now: the file system of a container is read-only, and a cold function must start fast.
RUN python -m compileall -q shared functions
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app/shared \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PORT=8080
# A numeric user, so that Kubernetes can verify that it is not root.
USER 10001:10001
EXPOSE 8080
CMD ["python", "-m", "tps.host.worker"]
