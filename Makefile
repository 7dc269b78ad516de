# `make lab`, `make app` and `make test` set up everything they need; you can run any of them first.
BIN := .venv/bin

.PHONY: help setup lab app lint quick test test-all demo notebooks picture lock recordings instruments crepe bench budget colab-test widgets7-test ddsp-tests

help:
	@echo "make lab            set up, and open JupyterLab at the start page, with your own copies"
	@echo "make app            set up, and open timbre transfer as a page of its own"
	@echo "make test           set up, and run the checks that CI runs"
	@echo "make quick          the checks that take under two minutes: no TensorFlow, no browser"
	@echo "make test-all       every check, the long ones too (needs the package index)"
	@echo "make demo           play the bundled recording on a violin: demo/violin.wav and .png"
	@echo "make setup          set up only (PYTHON=/path chooses the Python)"
	@echo "make notebooks      build notebooks/ from lessons/; one with NAME=02_processors"
	@echo "make picture        make the README's picture"
	@echo "make lock           renew requirements.txt, which environment.yml takes (needs uv)"
	@echo "make recordings     play the bundled recordings anew"
	@echo "make instruments    train the bundled instruments from scratch"
	@echo "make crepe          train the bundled pitch tracker from scratch"
	@echo "make bench          time what the README claims, beside the plain way"
	@echo "make budget         measure each notebook's time and memory: notebooks/BUDGET.md"
	@echo "make colab-test     run the notebooks with Colab's own versions (Python 3.13)"
	@echo "make widgets7-test  run the widgets' tests with Colab's ipywidgets 7 in JupyterLab 3.6"
	@echo "make ddsp-tests     run ddsp's own tests"

setup:
	@sh scripts/setup.sh

lab: setup
	@$(BIN)/python scripts/lab.py  # on copies of the notebooks in my_course/

# With voila.json, where a closed page's kernel ends in a minute, and assets/jupyter's template.
app: setup
	JUPYTER_PATH="$(CURDIR)/assets/jupyter$${JUPYTER_PATH:+:$$JUPYTER_PATH}" \
		$(BIN)/voila --template=course notebooks/app.ipynb

# Two at a time: most of a test's time is one core's, importing TensorFlow. A file stays with one
# of the two, since its tests share what takes long to make. Training, the longest, begins first.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile
TRAINING := notebooks/03_train_your_own
NBVAL := DDSP_COURSE_TURN_KNOBS=1 $(PYTEST) --no-loadscope-reorder --nbval \
	--nbval-sanitize-with tests/nbval.cfg $(TRAINING) \
	$(filter-out $(TRAINING) %.md,$(wildcard notebooks/*))

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

quick: lint
	$(PYTEST) -q -m "not tensorflow and not browser and not slow" tests

test: lint
	$(PYTEST) -rs -m "not slow and not browser" tests
	$(NBVAL)
	$(BIN)/python -m pytest -n 2 --dist load -rs -m "browser and not slow" tests

test-all: export DDSP_COURSE_PHOTOGRAPHS := 1
test-all: test
	$(BIN)/python -m pytest -rs -m slow --hypothesis-profile long tests
	$(MAKE) ddsp-tests widgets7-test colab-test

demo: setup
	@mkdir -p demo
	$(BIN)/ddsp-course transfer assets/audio/phrase.ogg --to violin \
		-o demo/violin.wav --plot demo/violin.png

notebooks: setup
	$(BIN)/python scripts/build_notebooks.py $(NAME)

picture: setup
	@mkdir -p build assets/pictures
	$(BIN)/ddsp-course transfer assets/audio/phrase.ogg -o build/violin.wav \
		--plot assets/pictures/violin.png

lock:
	uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate \
		--group lab --group test pyproject.toml -o requirements.txt

recordings instruments crepe: setup
	@command -v fluidsynth >/dev/null && command -v espeak-ng >/dev/null && \
		test -e /usr/share/sounds/sf2/FluidR3_GM.sf2 && \
		test -e /usr/share/sounds/sf2/TimGM6mb.sf2 && \
		test -e /usr/share/sounds/sf3/MuseScore_General_Full.sf3 || { \
		echo "make $@: a program or soundfont is missing; install them (on Debian and Ubuntu: sudo" \
		"apt install fluidsynth espeak-ng fluid-soundfont-gm musescore-general-soundfont" \
		"timgm6mb-soundfont) and try again." >&2; exit 1; }
	$(if $(filter recordings,$@),$(BIN)/python scripts/make_recording.py && \
		$(BIN)/python scripts/make_examples.py && $(BIN)/python scripts/make_practice.py,$(BIN)/python scripts/train_$@.py)

bench: setup
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/training.py

budget: setup
	$(BIN)/python scripts/measure_notebooks.py

colab-test: setup
	$(BIN)/python scripts/colab_test.py

widgets7-test: setup
	$(BIN)/python scripts/widgets7_test.py

ddsp-tests: setup
	$(BIN)/python scripts/ddsp_tests.py
