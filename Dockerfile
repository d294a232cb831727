# Longshore's tool server, as the chart charts/longshore runs it. Helm is among its packages.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/longshore \
    && /opt/longshore/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY agent agent
COPY mcp_tools mcp_tools
COPY playbooks playbooks
COPY evals evals
COPY charts charts
RUN /opt/longshore/bin/pip install --quiet --no-deps --no-build-isolation .

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin longshore \
    && mkdir /workspace /state && chown 10001:10001 /workspace /state
COPY --from=build /opt/longshore /opt/longshore
ENV PATH=/opt/longshore/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    XDG_STATE_HOME=/state
USER 10001:10001
WORKDIR /workspace
EXPOSE 8765
ENTRYPOINT ["python", "-P", "-m", "mcp_tools"]
CMD ["serve", "--help"]
