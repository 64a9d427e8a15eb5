# Any function as a container, for those who deploy to Cloud Run themselves. From the checkout's top:
#   docker build --file infra/docker/function.Dockerfile --build-arg FUNCTION=budget --tag kimera-budget .
# It holds what the function's archive holds, with the dependency set that its row in functions/manifest.py names.

FROM python:3.13-slim-bookworm AS packed
ARG FUNCTION
WORKDIR /checkout
COPY requirements requirements
COPY schemas schemas
COPY shared shared
COPY functions functions
COPY infra/__init__.py infra/__init__.py
COPY infra/packaging infra/packaging
RUN python -m infra.packaging "$FUNCTION" /app
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --only-binary :all: --require-hashes --requirement /app/requirements.txt

FROM python:3.13-slim-bookworm
ARG FUNCTION
RUN useradd --system --uid 10001 --home-dir /nonexistent kimera
COPY --from=packed /venv /venv
COPY --from=packed /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 FUNCTION_TARGET=$FUNCTION PORT=8080
USER 10001
EXPOSE 8080
CMD ["functions-framework", "--source", "main.py"]
