# The whole appliance in one image; compose.yaml runs it as two services. See docs/install.md on what was not run.
FROM python:3.13-slim-trixie

# honker is relinked to this library while the packages are installed (docs/adr/0013).
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libsqlite3-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home alknet \
    && install --directory --owner=alknet --mode=0700 /data /keys

COPY . /app
RUN ROOT=/app PIP_NO_CACHE_DIR=1 sh -euc '. /app/scripts/lib.sh && bootstrap run'

# The accelerated engine (docs/adr/0025), proven here in the image. Where that fails the image has the stock engine alone,
# which `alknet doctor` tells. The compiler does not stay.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && { PIP_NO_CACHE_DIR=1 /app/scripts/accelerate || echo 'the image has the stock engine alone'; } \
    && apt-get purge --yes --auto-remove gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/* /app/.hypothesis

ENV PATH=/app/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ALKNET_DATA=/data \
    ALKNET_VAULT__KEY_FILE=/keys/vault.key \
    ALKNET_PANEL__LISTEN=0.0.0.0:8000
USER alknet
WORKDIR /data
VOLUME /data /keys
EXPOSE 8000/tcp 4433/udp

# Panel and node are asked whether they are well (docs/health.md). A vault that waits for a person does not count.
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --start-interval=2s \
    CMD ["alknet", "health"]
CMD ["alknet", "up"]
