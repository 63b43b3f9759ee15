# The image that the Snakefile names (`container:`), for `snakemake --sdm apptainer` and for
# clusters that run containers only (docs/cluster.md):
#
#   docker build -t augtrial:0.1.0 .
#
# apptainer.def is the same for machines without Docker.
# Not exercised yet: it was written where no container engine runs.
FROM python:3.12-slim

ENV NO_ALBUMENTATIONS_UPDATE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /opt/augtrial

# As in the Makefile: setuptools first, so that nothing is fetched that is not in the lock. The
# packages are a layer of their own, which a change of the code leaves as it is.
COPY requirements.lock ./
RUN sed -n '/^setuptools==/,/[^\\]$/p' requirements.lock > setuptools.lock \
    && python -m pip install --require-hashes -r setuptools.lock \
    && python -m pip install --require-hashes --no-build-isolation -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN python -m pip install --no-deps --no-build-isolation .

# The study itself (Snakefile, settings, workflow, results) is the folder that is mounted here:
#   docker run --rm -v "$PWD":/study augtrial:0.1.0 snakemake --cores 2 --configfile config/quick.yaml
WORKDIR /study
CMD ["augtrial", "--help"]
