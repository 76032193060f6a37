# The service: docker build -t alpr-nb . && docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 alpr-nb
FROM python:3.11-slim AS build
WORKDIR /src
COPY setup.py settings.ini pyproject.toml README.md LICENSE ./
COPY alpr_nb alpr_nb
RUN python -m venv /opt/alpr-nb && /opt/alpr-nb/bin/pip install --no-cache-dir '.[serve]'

FROM python:3.11-slim
COPY --from=build /opt/alpr-nb /opt/alpr-nb
RUN useradd --system --uid 10001 --no-create-home alpr-nb && mkdir /log && chown 10001 /log
USER 10001
ENV PATH=/opt/alpr-nb/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]
# 0.0.0.0 is the network of the container; publish the port on 127.0.0.1 or behind a proxy
ENTRYPOINT ["alpr-nb", "serve", "--host", "0.0.0.0"]
