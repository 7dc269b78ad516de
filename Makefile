# `make lab`, `make app` and `make test` set up everything they need; you can run any of them first.
# On Windows, and wherever make is missing, `python course.py lab` and the like do the same.
BIN := .venv/bin

# Any Python 3 can run course.py, which looks for one that fits the course.
PYTHON3 := $(shell for python in python3 python "$(PYTHON)"; do \
	"$$python" -c "" 2>/dev/null && echo "$$python" && break; done)
COURSE = $(if $(PYTHON3),"$(PYTHON3)" course.py,$(error no Python was found: install Python 3.12 \
	from https://www.python.org/downloads/ or say where it is: make PYTHON=/path/to/it))

.PHONY: help setup setup-test publish-as lab app live lint quick test test-all demo notebooks handouts site picture lock recordings instruments violin crepe vst bench bench-pitch bench-magenta budget colab-test widgets7-test ddsp-tests

help:
	@echo "make lab            set up, and open your copies of the notebooks in JupyterLab"
	@echo "make app            set up, and open timbre transfer as a web page"
	@echo "make live           set up, and open the instruments to be played live in a web page"
	@echo "make test           set up, and run the same checks as CI"
	@echo "make quick          run the checks without TensorFlow or a browser: under two minutes"
	@echo "make test-all       run every check, including the long ones (needs the package index)"
	@echo "make demo           play the bundled recording on a violin: demo/violin.wav and .png"
	@echo "make setup          set up only, as make lab does (PYTHON=/path chooses the Python)"
	@echo "make notebooks      build notebooks/ from lessons/; NAME=02_processors builds one"
	@echo "make handouts       make the notebooks without solutions: build/handouts/"
	@echo "make site           build the course's web site: build/site/"
	@echo "make picture        make the README's pictures (the app's needs Chromium)"
	@echo "make publish-as     with OWNER/REPO behind it: point every link at that repository"
	@echo "make lock           renew requirements/, the lock (needs uv)"
	@echo "make recordings     synthesise the bundled recordings again"
	@echo "make instruments    train the bundled trumpet, flute and saxophone from scratch"
	@echo "make violin         train the bundled violin from scratch (downloads 6 MB of recordings;"
	@echo "                    RECORDINGS=/path/to/folder takes them from there)"
	@echo "make crepe          train the bundled pitch tracker from scratch"
	@echo "make vst            train a violin for DDSP-VST: build/vst/violin.tflite (half an hour)"
	@echo "make bench          measure the speeds that the README states"
	@echo "make bench-pitch    compare pitch trackers: assets/crepe/scores.md (fetches PyTorch, 3 GB)"
	@echo "make bench-magenta  compare the instruments with Magenta's of 2020 (needs ../shared)"
	@echo "make budget         measure each notebook's time and memory: notebooks/BUDGET.md"
	@echo "make colab-test     run the notebooks with Colab's own versions (Python 3.13)"
	@echo "make widgets7-test  run the widgets' tests with Colab's ipywidgets 7"
	@echo "make ddsp-tests     run ddsp's own tests"

setup:
	@$(COURSE) setup train

setup-test:
	@$(COURSE) setup train test site

lab app live lint quick test:
	@$(COURSE) $@

test-all: export DDSP_COURSE_PHOTOGRAPHS := 1
test-all: test
	$(BIN)/python -m pytest -rs -m slow --hypothesis-profile long tests
	$(MAKE) ddsp-tests widgets7-test colab-test

demo: setup
	@mkdir -p demo
	$(BIN)/ddsp-course transfer assets/audio/phrase.ogg --to violin \
		-o demo/violin.wav --plot demo/violin.png

notebooks: setup-test
	$(BIN)/python scripts/build_notebooks.py $(NAME)

handouts: setup-test
	$(BIN)/python scripts/make_handouts.py

site:
	@$(COURSE) setup site
	$(BIN)/python scripts/build_site.py

picture: setup-test
	@mkdir -p build assets/pictures
	$(BIN)/ddsp-course transfer assets/audio/phrase.ogg -o build/violin.wav \
		--plot assets/pictures/violin.png
	$(BIN)/python scripts/picture_app.py

# The word behind it is its argument, and no target of its own.
ifeq ($(firstword $(MAKECMDGOALS)),publish-as)
REPOSITORY := $(wordlist 2,2,$(MAKECMDGOALS))
$(if $(REPOSITORY),$(eval $(REPOSITORY):;@:))
endif

publish-as: setup-test
	@$(BIN)/python scripts/publish_as.py $(REPOSITORY)

lock: setup
	$(BIN)/python scripts/lock.py

recordings crepe vst: setup

instruments: setup-test

recordings instruments crepe vst:
	@command -v fluidsynth >/dev/null && command -v espeak-ng >/dev/null && \
		test -e /usr/share/sounds/sf2/FluidR3_GM.sf2 && \
		test -e /usr/share/sounds/sf2/TimGM6mb.sf2 && \
		test -e /usr/share/sounds/sf3/MuseScore_General_Full.sf3 || { \
		echo "make $@: a program or soundfont is missing; install them (on Debian and Ubuntu: sudo" \
		"apt install fluidsynth espeak-ng fluid-soundfont-gm musescore-general-soundfont" \
		"timgm6mb-soundfont) and try again." >&2; exit 1; }
	$(if $(filter recordings,$@),$(BIN)/python scripts/make_recording.py && \
		$(BIN)/python scripts/make_examples.py && $(BIN)/python scripts/make_practice.py && \
		$(BIN)/python scripts/make_scores.py,$(BIN)/python scripts/train_$@.py)
	$(if $(filter instruments,$@),$(BIN)/python scripts/picture_instruments.py)

violin: setup-test
	$(BIN)/python scripts/train_violin.py $(if $(RECORDINGS),--recordings "$(RECORDINGS)")
	$(BIN)/python scripts/picture_violin.py $(if $(RECORDINGS),--recordings "$(RECORDINGS)")

bench: setup
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/training.py

bench-pitch: setup
	$(BIN)/python benchmarks/trackers.py

bench-magenta: setup
	$(BIN)/python benchmarks/against_magenta.py

budget: setup-test
	$(BIN)/python scripts/measure_notebooks.py

colab-test: setup-test
	$(BIN)/python scripts/colab_test.py

widgets7-test: setup-test
	$(BIN)/python scripts/widgets7_test.py

ddsp-tests: setup-test
	$(BIN)/python scripts/ddsp_tests.py
