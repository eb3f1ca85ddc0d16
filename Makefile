# The two commands of the README are `make demo` and `make test`. Both create .venv if it does not exist.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := build/demo
# With a data folder, calibrate on its training faces and report the accuracy on its test faces
DATA := $(if $(ASMNET_EDGE_DATA),--data 300w:$(ASMNET_EDGE_DATA)/300w)

.PHONY: demo demo-intro test soak docs test-arm64 size card lint lock clean

demo: demo-intro $(VENV)/installed
	$(BIN)/python scripts/demo.py $(DEMO) $(DATA)

demo-intro:
	@[ -e $(VENV)/installed ] || echo "First the packages of the converters are installed into" \
		"$(VENV): TensorFlow, OpenVINO and others, a few GB and some minutes."
	@echo "The demo itself takes a few minutes; its files go to $(DEMO)."

test: $(VENV)/installed-test lint
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# the documentation in build/site; --strict: a broken link or reference is an error
docs: $(VENV)/installed-test
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
# takes hours: the long versions of checks that `make test` runs in short
soak: $(VENV)/installed-test
	ASMNET_EDGE_SOAK=1 $(BIN)/python -m pytest tests/training/test_backends.py \
		tests/training/test_distribution.py
	KERAS_BACKEND=tensorflow $(BIN)/python tests/training/kill_training.py --kills 100
	KERAS_BACKEND=torch $(BIN)/python tests/training/kill_training.py --kills 100
	$(BIN)/python tests/runtime/soak_artifacts.py asmnet_edge/weights/asmnet68-int8.tflite
	$(BIN)/python tests/runtime/soak_pictures.py
	$(BIN)/python tests/runtime/soak_frames.py
	$(BIN)/python tests/runtime/soak_camera.py

# an emulated ARM Debian; needs root, qemu-user-static, binfmt-support and mmdebstrap. If `make demo` has
# written int8 ONNX files, these are compared, too
test-arm64: $(VENV)/installed-test
	rm -rf build/lib build/arm64/wheel
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir build/arm64/wheel .
	scripts/test_arm64.sh build/arm64/wheel/*.whl $(BIN)/python \
		asmnet_edge/weights/asmnet68-int8.tflite $(wildcard $(DEMO)/*-int8.onnx)

# size of a fresh base install in bytes: with the newest packages, and with constraints-small.txt
size:
	rm -rf build/size
	$(PYTHON) -m venv build/size/newest
	build/size/newest/bin/pip install --quiet --disable-pip-version-check .
	$(PYTHON) -m venv build/size/small
	build/size/small/bin/pip install --quiet --disable-pip-version-check -c constraints-small.txt .
	build/size/small/bin/asmnet-edge verify asmnet_edge/weights/asmnet68-int8.tflite
	du -sb build/size/newest build/size/small

# the model card of all shipped weights; needs ASMNET_EDGE_DATA. docs/weights.toml has remarks on them
MODEL := asmnet_edge/weights/asmnet68.keras
card: $(VENV)/installed
	$(BIN)/python scripts/make_card.py $(MODEL) \
		$(filter-out $(MODEL),$(wildcard asmnet_edge/weights/*.keras)) $(DATA)

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/tree && mkdir -p build/tree/asmnet_edge  # mypy cannot follow an editable install
	ln -s $(CURDIR)/asmnet_edge/* $(CURDIR)/converters $(CURDIR)/benchmarks build/tree/asmnet_edge
	cd build/tree && $(CURDIR)/$(BIN)/python -m mypy -p asmnet_edge \
		--config-file $(CURDIR)/pyproject.toml --cache-dir $(CURDIR)/build/mypy

# the locked versions, which CI uses; the tests need JAX and PyTorch too
INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock

$(VENV)/installed: pyproject.toml setup.py requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e '.[all]'
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(INSTALL) -e '.[test]'
	touch $@

lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check '.[test]'
	build/lock/bin/pip freeze --exclude asmnet-edge > requirements.lock

clean:
	rm -rf $(VENV) build dist *.egg-info
