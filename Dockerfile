# syntax=docker/dockerfile:1
# One image for the master, the workers, the echo agent and the stand-in: docker-compose.yml and deploy/kubernetes/
# start it with different commands. By itself it is `locust`.

# The build stage has a compiler, for platforms where a dependency comes without a wheel; the final stage has none.
FROM python:3.11-bookworm AS wheels
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE presets.yaml echo_agent.py ./
COPY fleetlm_users ./fleetlm_users
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --disable-pip-version-check --wheel-dir /wheels --constraint constraints.txt '.[standin]'

FROM python:3.11-slim-bookworm
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --disable-pip-version-check --no-cache-dir --no-index /wheels/*.whl \
    && install --directory --owner=10001 --group=10001 /results
WORKDIR /load-tests
COPY locustfiles ./locustfiles
# HOME is the only writable place if the root is read-only.
ENV HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RESULTS_DIR=/results
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# Health differs by role, and a worker listens on nothing, so each role has its own check.
HEALTHCHECK NONE
ENTRYPOINT ["locust"]
CMD ["--help"]
