"""The callbacks, with the real trainers where they are installed, and with their hooks.

transformers and lightning belong to optional extras: tests that need one are
skipped without it.
"""

import gc
import importlib
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest

import footprint as fp
from footprint.errors import MissingExtra, UsageError
from footprint.integrations.training import Phases, TrainingRecorder
from footprint.journal import read_records
from footprint.measurement.tracker import Tracker
from footprint.model import Phase

EXTRA = "belongs to an optional extra"


def spans(folder):
    """(phase, round, status) of every span but that of the process, by start."""
    found = [
        span
        for process in read_records([folder]).processes
        for span in process.spans
        if span.parent is not None
    ]
    found.sort(key=lambda span: (span.start_s, span.id))
    return [(span.phase.value, span.round, span.status) for span in found]


def findings(folder):
    return {finding.code for finding in fp.read_journal(folder).findings}


class TestPhases:
    def test_hooks_open_and_close_spans(self, tmp_path):
        phases = Phases(Tracker(journal=tmp_path))
        phases.start()
        phases.enter(Phase.TRAIN)
        phases.enter(Phase.TRAIN, 1)
        phases.enter(Phase.EVALUATE)
        phases.leave(Phase.OTHER)
        assert phases.phase is Phase.EVALUATE
        phases.leave(Phase.EVALUATE)
        phases.stop()
        assert spans(tmp_path) == [("train", None, "ok"), ("train", 1, "ok"), ("evaluate", 1, "ok")]

    def test_stop_is_idempotent_and_closes_what_is_open(self, tmp_path):
        phases = Phases(Tracker(journal=tmp_path))
        phases.start()
        phases.enter(Phase.TRAIN)
        phases.stop(failed=True)
        phases.stop()
        phases.leave_to(0)
        phases.enter(Phase.TRAIN)
        assert spans(tmp_path) == [("train", None, "failed")]

    def test_a_running_tracker_is_left_running(self, tmp_path):
        with Tracker(journal=tmp_path) as tracker:
            phases = Phases(tracker)
            phases.start()
            phases.enter(Phase.TRAIN)
            phases.stop()
            assert tracker.running
        assert spans(tmp_path) == [("train", None, "ok")]

    def test_a_tracker_that_stopped_first_is_reported(self, tmp_path, caplog):
        with Tracker(journal=tmp_path) as tracker:
            phases = Phases(tracker)
            phases.start()
            phases.enter(Phase.TRAIN)
        phases.stop()
        phases.stop()
        assert caplog.text.count("stopped before 1 phase(s)") == 1

    def test_another_process_closes_nothing(self, tmp_path):
        phases = Phases(Tracker(journal=tmp_path))
        phases.start()
        phases.enter(Phase.TRAIN)
        ours, phases._pid = phases._pid, phases._pid + 1
        phases.stop(failed=True)
        phases._pid = ours
        phases.stop()
        assert spans(tmp_path) == [("train", None, "ok")]


class TestTrainingRecorder:
    def test_a_tracker_and_options_for_one_contradict_each_other(self):
        with pytest.raises(UsageError, match="options for another: zone"):
            TrainingRecorder(Tracker(), zone="FR")

    def test_options_are_checked_at_once(self):
        with pytest.raises(UsageError, match="cannot name a run"):
            TrainingRecorder(run="a/b")

    def test_a_forgotten_training_is_closed_as_failed(self, tmp_path):
        recorder = TrainingRecorder(journal=tmp_path)
        recorder._begin()
        recorder._phases.enter(Phase.TRAIN)
        del recorder
        gc.collect()
        assert spans(tmp_path) == [("train", None, "failed")]
        assert "phase-failed" in findings(tmp_path)

    def test_the_end_of_the_interpreter_closes_it_too(self, tmp_path):
        code = f"""
            from footprint.integrations.training import TrainingRecorder
            from footprint.model import Phase
            recorder = TrainingRecorder(journal={str(tmp_path)!r})
            recorder._begin()
            recorder._phases.enter(Phase.TRAIN)
            raise SystemExit(3)
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (3, "")
        assert spans(tmp_path) == [("train", None, "failed")]

    def test_only_the_main_process_writes_and_says_so(self, caplog):
        recorder = TrainingRecorder()
        assert recorder._is_observed(main=True, processes=4)
        assert "main one of 4 processes" in caplog.text
        assert not recorder._is_observed(main=False, processes=4)
        assert TrainingRecorder(every_process=True)._is_observed(main=False, processes=4)


@pytest.mark.parametrize(
    ("module", "packages", "extra"),
    [
        ("huggingface", ["transformers"], "huggingface"),
        ("lightning", ["lightning", "lightning.pytorch", "pytorch_lightning"], "lightning"),
    ],
)
def test_a_missing_extra_says_how_to_install_it(monkeypatch, module, packages, extra):
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"footprint.integrations.{module}", raising=False)
    if module == "lightning":
        monkeypatch.delitem(sys.modules, "pytorch_lightning")
        monkeypatch.setattr(sys, "path", [p for p in sys.path if "site-packages" not in p])
    with pytest.raises(MissingExtra, match=rf"footprint\[{extra}\]"):
        importlib.import_module(f"footprint.integrations.{module}")


def hooks(module, package, base, monkeypatch):
    """The callback on a stand-in for the library: its base class alone."""
    stand_in = SimpleNamespace(**{base: type(base, (), {})})
    for name in package:
        monkeypatch.setitem(sys.modules, name, stand_in)
    monkeypatch.delitem(sys.modules, f"footprint.integrations.{module}", raising=False)
    found = importlib.import_module(f"footprint.integrations.{module}").FootprintCallback
    # Plainly: monkeypatch would put it back.
    del sys.modules[f"footprint.integrations.{module}"]
    return found


class TestHuggingFaceHooks:
    """The hooks in the order in which the Trainer calls them, without the Trainer."""

    @pytest.fixture
    def make(self, monkeypatch):
        return hooks("huggingface", ["transformers"], "TrainerCallback", monkeypatch)

    args = SimpleNamespace(world_size=1, save_strategy="steps")

    def call(self, callback, name, *, main=True, evaluate=False, save=False):
        state = SimpleNamespace(is_world_process_zero=main, epoch=0.0)
        control = SimpleNamespace(should_evaluate=evaluate, should_save=save)
        getattr(callback, name)(self.args, state, control, model=None)

    def test_evaluation_and_checkpoint_inside_of_an_epoch(self, make, tmp_path):
        callback = make(journal=tmp_path)
        for name, options in [
            ("on_train_begin", {}),
            ("on_epoch_begin", {}),
            ("on_step_begin", {}),
            ("on_step_end", {"evaluate": True, "save": True}),
            ("on_prediction_step", {}),
            ("on_evaluate", {"save": True}),
            ("on_save", {}),
            ("on_step_begin", {}),
            ("on_step_end", {}),
            ("on_epoch_end", {}),
            ("on_train_end", {}),
            ("on_train_end", {}),
        ]:
            self.call(callback, name, **options)
        assert spans(tmp_path) == [
            ("train", None, "ok"),
            ("train", 1, "ok"),
            ("evaluate", 1, "ok"),
            ("other", 1, "ok"),
        ]

    def test_other_processes_write_nothing(self, make, tmp_path):
        callback = make(journal=tmp_path / "none")
        for name in ("on_train_begin", "on_epoch_begin", "on_prediction_step", "on_train_end"):
            self.call(callback, name, main=False)
        assert not (tmp_path / "none").exists()

    def test_the_round_can_be_that_of_the_span_around(self, make, tmp_path):
        with Tracker(journal=tmp_path) as tracker, tracker.span("train", round=7, actor="client"):
            callback = make(tracker, epochs_are_rounds=False)
            for name in ("on_train_begin", "on_epoch_begin", "on_train_end"):
                self.call(callback, name)
        assert spans(tmp_path) == [("train", 7, "ok")] * 3

    def test_a_training_after_one_that_raised(self, make, tmp_path):
        callback = make(journal=tmp_path)
        for name in ("on_train_begin", "on_epoch_begin", "on_train_begin", "on_train_end"):
            self.call(callback, name)
        assert spans(tmp_path) == [
            ("train", None, "failed"),
            ("train", 1, "failed"),
            ("train", None, "ok"),
        ]


def test_both_names_of_lightning_serve(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "lightning.pytorch", raising=False)
    make = hooks("lightning", ["pytorch_lightning"], "Callback", monkeypatch)
    callback, trainer = make(journal=tmp_path), SimpleNamespace(is_global_zero=True, world_size=1)
    callback.setup(trainer, None, stage="predict")
    callback.on_predict_start(trainer, None)
    callback.on_exception(trainer, None, RuntimeError())
    callback.teardown(trainer, None, stage="predict")
    assert spans(tmp_path) == [("inference", None, "failed")]


@pytest.mark.filterwarnings("default")
class TestHuggingFaceTrainer:
    @pytest.fixture
    def train(self, tmp_path):
        for name in ("transformers", "accelerate"):
            pytest.importorskip(name, reason=f"{name} {EXTRA}")
        torch = pytest.importorskip("torch", reason=f"torch {EXTRA}")
        from transformers import Trainer, TrainingArguments

        class Model(torch.nn.Module):
            calls, fails_at = 0, None

            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(4, 2)

            def forward(self, x, labels):
                self.calls += 1
                if self.calls == self.fails_at:
                    raise RuntimeError("no more")
                logits = self.layer(x)
                return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

        data = [{"x": torch.randn(4), "labels": n % 2} for n in range(16)]

        def run(callback, *, fails_at=None, **options):
            model = Model()
            model.fails_at = fails_at
            arguments = TrainingArguments(
                output_dir=str(tmp_path / "out"),
                num_train_epochs=2,
                per_device_train_batch_size=4,
                report_to=[],
                use_cpu=True,
                disable_tqdm=True,
                **options,
            )
            trainer = Trainer(
                model, arguments, train_dataset=data, eval_dataset=data, callbacks=[callback]
            )
            trainer.train()
            return trainer

        return run

    def test_epochs_evaluations_and_checkpoints(self, train, tmp_path):
        from footprint.integrations.huggingface import FootprintCallback

        folder = tmp_path / "journal"
        train(FootprintCallback(journal=folder), eval_strategy="epoch", save_strategy="epoch")
        epochs = [
            (phase, number, "ok") for number in (1, 2) for phase in ("train", "evaluate", "other")
        ]
        assert spans(folder)[: 1 + len(epochs)] == [("train", None, "ok"), *epochs]
        assert not findings(folder) & {"phase-failed", "truncated"}
        assert {phase.value for phase in fp.read_journal(folder).columns["phase"]} >= {
            "train",
            "evaluate",
        }

    def test_evaluation_between_steps(self, train, tmp_path):
        from footprint.integrations.huggingface import FootprintCallback

        folder = tmp_path / "journal"
        train(
            FootprintCallback(journal=folder),
            eval_strategy="steps",
            eval_steps=2,
            save_strategy="no",
            eval_on_start=True,
        )
        assert [(phase, number) for phase, number, _ in spans(folder)] == [
            ("train", None),
            ("evaluate", None),
            *[("train", 1), ("evaluate", 1), ("evaluate", 1)],
            *[("train", 2), ("evaluate", 2), ("evaluate", 2)],
        ]

    def test_a_training_that_raises(self, train, tmp_path):
        from footprint.integrations.huggingface import FootprintCallback

        folder = tmp_path / "journal"
        callback = FootprintCallback(journal=folder)
        with pytest.raises(RuntimeError, match="no more"), callback:
            train(callback, fails_at=6, save_strategy="no")
        assert spans(folder) == [
            ("train", None, "failed"),
            ("train", 1, "ok"),
            ("train", 2, "failed"),
        ]
        assert "phase-failed" in findings(folder)

    def test_a_training_that_raises_outside_of_a_block(self, train, tmp_path):
        from footprint.integrations.huggingface import FootprintCallback

        folder = tmp_path / "journal"
        with pytest.raises(RuntimeError, match="no more"):
            train(FootprintCallback(journal=folder), fails_at=2, save_strategy="no")
        gc.collect()
        assert spans(folder) == [("train", None, "failed"), ("train", 1, "failed")]

    def test_evaluation_after_the_training_in_a_block(self, train, tmp_path):
        from footprint.integrations.huggingface import FootprintCallback

        folder = tmp_path / "journal"
        callback = FootprintCallback(journal=folder)
        with callback:
            train(callback, save_strategy="no").evaluate()
        assert spans(folder)[-1] == ("evaluate", None, "ok")


@pytest.mark.filterwarnings("default")
class TestLightningTrainer:
    @pytest.fixture(params=["lightning.pytorch", "pytorch_lightning"])
    def train(self, request, tmp_path):
        torch = pytest.importorskip("torch", reason=f"torch {EXTRA}")
        pl = pytest.importorskip(request.param, reason=f"{request.param} {EXTRA}")

        class Model(pl.LightningModule):
            fails = False

            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(4, 1)

            def training_step(self, batch, index):
                if self.fails and self.current_epoch == 1:
                    raise RuntimeError("no more")
                return self.layer(batch).pow(2).mean()

            def validation_step(self, batch, index):
                self.log("loss", self.layer(batch).pow(2).mean())

            test_step = validation_step

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), lr=0.01)

        data = torch.utils.data.DataLoader(torch.randn(16, 4), batch_size=4)

        def run(callback, *, fails=False):
            model = Model()
            model.fails = fails
            trainer = pl.Trainer(
                max_epochs=2,
                accelerator="cpu",
                logger=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                default_root_dir=str(tmp_path / "out"),
                callbacks=[callback],
            )
            trainer.fit(model, data, data)
            return trainer, model, data

        return run

    def test_epochs_and_validations(self, train, tmp_path):
        from footprint.integrations.lightning import FootprintCallback

        folder = tmp_path / "journal"
        train(FootprintCallback(journal=folder))
        assert spans(folder) == [
            ("evaluate", None, "ok"),  # the sanity check
            ("train", None, "ok"),
            *[("train", 1, "ok"), ("evaluate", 1, "ok")],
            *[("train", 2, "ok"), ("evaluate", 2, "ok")],
        ]
        assert not findings(folder) & {"phase-failed", "truncated"}

    def test_a_training_that_raises(self, train, tmp_path):
        from footprint.integrations.lightning import FootprintCallback

        folder = tmp_path / "journal"
        with pytest.raises(RuntimeError, match="no more"):
            train(FootprintCallback(journal=folder), fails=True)
        assert spans(folder)[-4:] == [
            ("train", None, "failed"),
            ("train", 1, "ok"),
            ("evaluate", 1, "ok"),
            ("train", 2, "failed"),
        ]
        assert "phase-failed" in findings(folder)

    def test_a_test_after_the_training(self, train, tmp_path):
        from footprint.integrations.lightning import FootprintCallback

        folder = tmp_path / "journal"
        trainer, model, data = train(FootprintCallback(journal=folder))
        trainer.test(model, data, verbose=False)
        assert ("evaluate", None, "ok") in spans(folder)
        assert len(list(folder.glob("*.jsonl"))) == 2
