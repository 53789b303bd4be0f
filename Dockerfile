# Qwen UI. docs/docker.md says how to build and run it, on a CPU and on an NVIDIA GPU.
ARG PYTHON=3.12-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# Which PyTorch: an index of wheels for a CUDA version or for the CPU alone. Empty: what pip's own settings give.
ARG TORCH_INDEX=""
WORKDIR /build
COPY requirements.txt constraints.txt ./
RUN python -m venv /venv \
 && if [ -n "$TORCH_INDEX" ]; then \
      /venv/bin/pip install -c constraints.txt --index-url "$TORCH_INDEX" torch; \
    fi \
 && /venv/bin/pip install -r requirements.txt -c constraints.txt

FROM python:${PYTHON}
# The model's cache, models that the app makes, and documents: all that must outlive the container.
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/data/hub \
    QWEN_UI_DATA_DIR=/data \
    QWEN_UI_HOST=0.0.0.0 \
    QWEN_UI_PORT=7860
RUN useradd --uid 1000 --user-group --create-home qwen \
 && install -d -o 1000 -g 1000 /data
COPY --from=build /venv /venv
WORKDIR /app
COPY app.py ./
COPY --chown=1000:1000 prompts prompts
COPY qwen_ui qwen_ui
USER 1000:1000
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['QWEN_UI_PORT'] + '/healthz', timeout=4)"]
CMD ["python", "app.py"]
