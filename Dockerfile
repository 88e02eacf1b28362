# The gateway: no torch, no weights, no package manager of its own; Triton's image is deploy/triton/Dockerfile.
#   docker build -t simahand-gateway:0.1.0 .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL -p 8080:8080 -p 8081:8081 \
#     -v "$PWD/keys:/keys:ro" -e SIMAHAND_KEYS_FILE=/keys/keys.json \
#     -e SIMAHAND_TRITON_URL=triton:8001 simahand-gateway:0.1.0
# It asks for keys (docs/security.md), or is told SIMAHAND_ALLOW_ANYONE=true.
# `python -m deploy.images` builds it without an engine and tries what comes out.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
# Dependencies before code, so that a change of code leaves this layer alone.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], *(package for extra in ('service', 'otel') for package in project['optional-dependencies'][extra]), sep='\n')" > requirements.txt
# A private package index: --secret id=pip,src=pip.conf. What constraints.txt does not pin ends the build.
# The packages' own tests are a tenth of their size.
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -m venv --without-pip /opt/simahand \
    && pip --python /opt/simahand/bin/python install --no-cache-dir -c constraints.txt -r requirements.txt \
    && ! pip --python /opt/simahand/bin/python freeze | grep -vixFf constraints.txt \
    && find /opt/simahand/lib/python3.11/site-packages/{numpy,scipy} -name tests -prune -exec rm -r {} +
# The package lies in a folder of its own, so that a release of the gateway is a small layer.
COPY README.md LICENSE NOTICE ./
COPY service service
RUN --mount=type=secret,id=pip,target=/etc/pip.conf pip install --no-cache-dir --no-deps --target /app .

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="SiMA-Hand gateway" \
      org.opencontainers.image.description="A photo of a hand in, a 3D hand mesh out" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/simahand /opt/simahand
COPY --from=build /app /app
WORKDIR /app
COPY LICENSE NOTICE ./
COPY clients/web/dist clients/web/dist
COPY model_repository model_repository
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# Written once, while the image was built: the root file system may be read-only.
ENV PATH=/opt/simahand/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SIMAHAND_HOST=0.0.0.0 \
    SIMAHAND_TRITON_URL=triton:8001
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-m", "service.probe"]
CMD ["python", "-m", "service"]
