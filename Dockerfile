# The app with its bundled studies, on port 8501:
#
#   docker build -t neutral .
#   docker run --rm -p 8501:8501 neutral
#
# Whoever reaches the port sees every study in it, and may upload masks, which others do not see. To let in only this
# machine: -p 127.0.0.1:8501:8501. docs/deployment.md has a proxy, a password and Hugging Face Spaces.
#
# To see studies of your own beside the bundled ones, mount their folder: -v "$PWD/runs:/studies:ro". Visitors can start
# no runs; -e NEUTRAL_RUNS=on lets all of them, and -v neutral:/home/neutral/app keeps what they made.
#
# On x86 pip's default index has torch with CUDA, which takes gigabytes and does nothing here. PyTorch's own page of
# installation names an index of CPU builds; give its address as --build-arg TORCH_INDEX=… for a far smaller image.
FROM python:3.11-slim-bookworm

ARG TORCH_INDEX=""

RUN useradd --create-home --uid 1000 neutral && mkdir /studies /home/neutral/app \
    && chown neutral /studies /home/neutral/app

# Chromium draws figures as files (PNG, SVG, PDF); the fonts have the scripts of languages' names.
RUN apt-get update && apt-get install -y --no-install-recommends chromium fonts-noto-core fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app

COPY requirements.txt ./
RUN pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "$(grep '^torch==' requirements.txt)" \
    && pip install --no-cache-dir -r requirements.txt

COPY app.py LICENSE README.md ./
COPY .streamlit .streamlit
COPY pages pages
COPY neutral neutral
COPY data/models data/models
COPY data/published data/published
COPY data/sentences data/sentences
COPY data/studies data/studies
RUN python -m compileall -q app.py pages neutral

USER neutral
# numba, which UMAP uses, keeps what it compiles, and a user cannot write beside the installed packages.
ENV NEUTRAL_STUDIES=/studies NEUTRAL_HOME=/home/neutral/app NUMBA_CACHE_DIR=/tmp/numba
EXPOSE 8501
HEALTHCHECK --start-period=60s CMD ["python", "-c", \
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=5)"]
CMD ["streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
