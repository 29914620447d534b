# One image for every function and for event delivery. TPS_FUNCTION selects the function of a container.

FROM python:3.11-slim AS packages
COPY requirements-server.lock requirements-npm.lock ./
# npm fetches the GUI's libraries now, so that publishing the GUI needs no network later. The image contains no npm.
RUN python -m venv /opt/npm \
 && /opt/npm/bin/pip install --no-cache-dir --require-hashes -r requirements-npm.lock
# The pip of the other environment installs, so that this environment has neither pip nor setuptools (25 MB). Nothing
# installs packages in a running container, and an intruder must not.
RUN python -m venv --without-pip /opt/venv \
 && /opt/npm/bin/pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --require-hashes -r requirements-server.lock
# botocore describes every service of AWS (25 MB). The platform calls S3 only.
RUN find /opt/venv/lib/python3.11/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d ! -name s3 -exec rm -r {} +
# Python must not compare byte code with the date of its source: a copy between stages may change the date, and a
# container cannot write new byte code.
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib
COPY shared ./shared
COPY gui ./gui
RUN PATH=/opt/npm/bin:$PATH PYTHONPATH=shared TPS_GUI_CACHE=/opt/gui-libraries \
    /opt/venv/bin/python -m tps.local.gui.libraries

FROM python:3.11-slim
# Programs such as su and mount give the rights of another user. Nothing in the image needs them, and an engine may
# permit privilege escalation. The pip of the base image goes for the reason given above.
RUN find / -xdev -type f -perm /6000 -delete \
 && rm -rf /usr/local/bin/pip* /usr/local/lib/python3.11/site-packages/pip* /usr/local/lib/python3.11/site-packages/setuptools*
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /opt/gui-libraries /opt/gui-libraries
WORKDIR /app
COPY stack.yml ./
COPY shared ./shared
COPY functions ./functions
COPY gui ./gui
# Compile now: the file system of a container is read-only, and a cold function must start fast.
RUN python -m compileall -q --invalidation-mode unchecked-hash shared functions
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app/shared \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PORT=8080
# Registries and scanners show these labels.
LABEL org.opencontainers.image.title="tps" \
      org.opencontainers.image.description="Trade Permission System: every function and event delivery" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# A numeric user, so that Kubernetes can verify that it is not root.
USER 10001:10001
EXPOSE 8080
CMD ["python", "-m", "tps.host.worker"]
