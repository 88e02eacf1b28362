# The gateway: no torch, no weights. Triton runs beside it from NVIDIA's own image with ./model_repository mounted:
#   docker run --gpus all -p 8001:8001 -v $PWD/model_repository:/models \
#     nvcr.io/nvidia/tritonserver:26.05-py3 tritonserver --model-repository=/models --model-control-mode=none
FROM python:3.11-slim AS build
WORKDIR /build
# Dependencies before code, so that a change of code leaves this layer alone.
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY training/__init__.py training/__init__.py
RUN python -m venv /opt/simahand && mkdir service && touch service/__init__.py \
    && /opt/simahand/bin/pip install --no-cache-dir -c constraints.txt '.[service]' \
    && /opt/simahand/bin/pip uninstall --yes simahand
COPY service service

FROM python:3.11-slim
RUN useradd --system --uid 10001 simahand
COPY --from=build /opt/simahand /opt/simahand
COPY --from=build /build/service /app/service
COPY model_repository /app/model_repository
WORKDIR /app
USER simahand
ENV PATH=/opt/simahand/bin:$PATH PYTHONUNBUFFERED=1 SIMAHAND_HOST=0.0.0.0 \
    SIMAHAND_MODEL_REPOSITORY=/app/model_repository SIMAHAND_TRITON_URL=triton:8001
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/livez', timeout=2)"]
CMD ["python", "-m", "service"]
