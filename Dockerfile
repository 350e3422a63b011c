# syntax=docker/dockerfile:1
# One image for every process of Storehand; what each needs is chosen by build arguments (docs/image.md):
#   VARIANT=cuda|cpu   which build of torch; cpu needs TORCH_INDEX_URL, the index that keeps torch's CPU wheels
#   EXTRAS=...         pyproject.toml's extras; without `models` there is no torch in it, which suits the exporter
#   --build-context models=FOLDER   bakes FOLDER/models in; without it models come by volume
# The base is named by tag so that it gets Debian's security fixes; to repeat a build exactly give it by digest:
#   --build-arg BASE=python:3.11-slim-bookworm@sha256:...
ARG BASE=python:3.11-slim-bookworm

# The environment without Storehand itself, so that a change of the source does not change this layer of gigabytes.
FROM ${BASE} AS dependencies
ARG VARIANT=cuda
ARG TORCH_INDEX_URL=
ARG EXTRAS=worker,models,redis,postgres,tracing
ARG SOURCE_DATE_EPOCH=0
ENV PIP_CACHE_DIR=/var/cache/pip PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY constraints.txt pyproject.toml ./
# hadolint ignore=DL3042  # pip's cache is a mount, no part of the image
RUN --mount=type=cache,target=/var/cache/pip \
    python -m pip install --constraint constraints.txt build hatchling
# An empty package of the same name brings the extras' requirements, and goes again.
RUN --mount=type=cache,target=/var/cache/pip \
    mkdir -p shared/storehand workers/storehand_worker plugins/storehand_plugins \
    && touch README.md LICENSE NOTICE shared/storehand/__init__.py \
    && python -m build --wheel --no-isolation --outdir /tmp/empty \
    && python -m venv --without-pip /opt/storehand
RUN --mount=type=cache,target=/var/cache/pip \
    case ",${EXTRAS}," in *,models,*) ;; *) echo "no extra 'models': no torch"; exit 0 ;; esac; \
    case "${VARIANT}" in \
    cuda) python -m pip --python /opt/storehand/bin/python install --constraint constraints.txt torch ;; \
    cpu) test -n "${TORCH_INDEX_URL}" || { echo "VARIANT=cpu needs --build-arg TORCH_INDEX_URL=..."; exit 1; }; \
        python -m pip --python /opt/storehand/bin/python install --constraint constraints.txt --no-deps \
        --index-url "${TORCH_INDEX_URL}" torch ;; \
    *) echo "VARIANT is cuda or cpu"; exit 1 ;; \
    esac
RUN --mount=type=cache,target=/var/cache/pip \
    python -m pip --python /opt/storehand/bin/python install --constraint constraints.txt \
    "$(echo /tmp/empty/*.whl)[${EXTRAS}]" \
    && python -m pip --python /opt/storehand/bin/python uninstall --yes storehand \
    && mkdir -p /opt/storehand/share/storehand \
    && python -m pip --python /opt/storehand/bin/python freeze --all > /opt/storehand/share/storehand/requirements.txt

# Storehand's own wheel: a few megabytes on top.
FROM dependencies AS package
COPY LICENSE NOTICE README.md ./
COPY shared shared
COPY workers workers
COPY plugins plugins
RUN python -m build --wheel --no-isolation --outdir /tmp/wheel \
    && python -m pip --python /opt/storehand/bin/python install --no-deps --prefix /package /tmp/wheel/*.whl

# What a named context of the same name replaces: a folder that holds a folder `models`.
FROM scratch AS models
WORKDIR /models

FROM ${BASE} AS runtime
# tini is process 1: the kernel drops a SIGTERM that process 1 has no handler for, so a worker that is told to leave
# while it still imports torch would stay for its whole grace period; and it collects what `kubectl exec` leaves behind.
# hadolint ignore=DL3008  # the newest patches of the base's own release are wanted; its tag or digest says which release
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/ldconfig /var/log/apt /var/log/dpkg.log \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/storehand
COPY --from=models /models /models
COPY --from=dependencies /opt/storehand /opt/storehand
COPY --from=package /package /opt/storehand
# Only /var/lib/storehand and /tmp are ever written; mount both where the root is read-only. Which GPUs are seen is for
# the runtime to say (--gpus, a device plugin): a default of `all` in an image hands a node's GPUs to pods without any.
ENV PATH=/opt/storehand/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp HF_HOME=/var/lib/storehand/huggingface \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    STOREHAND_DATA_DIR=/var/lib/storehand STOREHAND_HTTP_HOST=0.0.0.0
WORKDIR /var/lib/storehand
USER 10001:10001
EXPOSE 9464
STOPSIGNAL SIGTERM
# Kubernetes asks /startupz, /readyz and /livez; compose.yaml has its own check.
HEALTHCHECK NONE
ENTRYPOINT ["tini", "--", "storehand"]
CMD ["worker"]
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Storehand" \
    org.opencontainers.image.description="Runs a shop's AI jobs: plugins, shared batching engines, no job lost" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
