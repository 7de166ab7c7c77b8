# One image for the four services: the command names the one to run.
#
#     docker build -t latchkey .
#     docker run latchkey services.catalog

FROM python:3.11-slim

# Neither bytecode nor buffered logs; nothing is written below /app at run time.
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

# A new volume takes its owner from the folder it is mounted on, so that the user can write to it.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin latchkey \
    && install --directory --owner=latchkey --mode=0700 /run/latchkey /run/latchkey/catalog \
        /run/latchkey/connector /run/latchkey/policy /run/latchkey/requests

WORKDIR /app

# The dependencies first: they change less often than the code.
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock

COPY pyproject.toml ./
COPY protos ./protos
COPY libs ./libs
COPY tools ./tools
COPY services ./services
# Compiled once, here: since nothing is written at run time, each start would compile it all again.
RUN pip install --no-build-isolation --no-deps -e . \
    && python -m compileall -q libs services tools

USER latchkey
ENTRYPOINT ["python", "-m"]
CMD ["services.catalog"]
