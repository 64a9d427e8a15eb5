# The sandbox: a supervisor that hands files in and out, and bubblewrap, in which generated code runs with an interpreter of its own.
# Neither has a library of Google's, nor a credential. From the checkout's top:
#   docker build --file infra/docker/sandbox.Dockerfile --tag kimera-sandbox .

FROM python:3.13-slim-bookworm AS packed
WORKDIR /checkout
COPY requirements requirements
COPY schemas schemas
COPY shared shared
COPY functions functions
COPY infra/__init__.py infra/__init__.py
COPY infra/packaging infra/packaging
RUN python -m infra.packaging sandbox /app
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --only-binary :all: --require-hashes --requirement /app/requirements.txt
# Compiled now: the sandbox sees these files read-only and could never keep what it compiles.
RUN python -m venv --without-pip /sandbox-venv && \
    /venv/bin/pip --python /sandbox-venv/bin/python install --no-cache-dir --compile --only-binary :all: --require-hashes \
    --requirement requirements/sandbox.lock

FROM python:3.13-slim-bookworm
RUN apt-get update && \
    apt-get install --yes --no-install-recommends bubblewrap && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --uid 10001 --home-dir /nonexistent kimera
COPY --from=packed /venv /venv
COPY --from=packed /sandbox-venv /sandbox-venv
COPY --from=packed /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 FUNCTION_TARGET=sandbox PORT=8080
ENV KIMERA_SANDBOX_PYTHON=/sandbox-venv/bin/python HOME=/tmp
USER 10001
EXPOSE 8080
# One request at a time: the code of one mission in an instance's life.
CMD ["functions-framework", "--source", "main.py"]
