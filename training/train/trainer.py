"""A run: its network, where it stands in its stages, and the files that it leaves behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from training.checkpoint import Checkpoint, load_shared_weights, load_weights, save_checkpoint
from training.config import RunConfig, StageConfig
from training.data.order import Course, Share
from training.data.sets import hand_topology, open_hands
from training.engine.feed import feed_for
from training.engine.inference import Measured
from training.engine.lesson import lesson_for
from training.engine.overlay import DrawnHand, Image, sheet
from training.engine.randomness import random_state, seed_from, set_random_state
from training.engine.stage import Stage, autocast
from training.engine.team import ALONE, Team
from training.engine.validation import judgement, validate, validation_scores
from training.hand.topology import HandTopology
from training.networks.build import build_any, build_multi_view
from training.networks.hands import MultiViewHand, SingleViewHand
from training.tensors import HandBatch, ViewsBatch
from training.train.agreement import require_same_recipe, require_same_widths
from training.train.logbook import Logbook
from training.train.stop import StopRequest

LAST = "last.pt"
BEST = "best.pt"
PICTURED_HANDS = 12
CPU = torch.device("cpu")


class Trainer:
    """Trains the stages of a run in order; every stage starts from the averaged weights of the one before."""

    def __init__(
        self,
        config: RunConfig,
        *,
        out: Path,
        logbook: Logbook,
        teacher: Checkpoint | None = None,
        device: torch.device = CPU,
        team: Team = ALONE,
    ) -> None:
        """Build the network with the seed's weights on a device, and open the data.

        Raises:
            ValueError: The recipe has no stage, its data cannot be read, or it has a teacher that it does not
                want, wants one that it has not, or one of another size.
        """
        if not config.stages:
            raise ValueError("the recipe has no stages to train")
        self.config, self.out, self.logbook, self.device, self.team = config, out, logbook, device, team
        self.topology = hand_topology(config.data)
        torch.manual_seed(config.seed)
        self.network = self._built()
        torch.manual_seed(config.seed)
        self.lesson = lesson_for(
            self.network, config, teacher=_taught_by(teacher, config, self.topology, device)
        )
        self.teacher = teacher
        looking = config.network if teacher is None else teacher.config.network
        self.views = looking.views if looking.views > 1 else config.data.views
        self.feed = feed_for(config, views=self.views, device=device)
        self.validation_hands = open_hands(config.data, "val")
        self.stage_index = 0
        self.stage = self._new_stage()
        self.best_score: float | None = None
        self.images_seen = 0
        self.trained_s = 0.0

    def start_from(self, checkpoint: Checkpoint, *, stage: str | None = None) -> None:
        """Take over a checkpoint's averaged weights and begin a stage, the first one unless named.

        From a network of other views or another fusion, what both have is taken over; the log names the rest.

        Raises:
            ValueError: The network has other widths, or there is no such stage.
        """
        if checkpoint.config.network == self.config.network:
            load_weights(self.network, checkpoint.best_weights)
        else:
            require_same_widths(self.config.network, checkpoint.config.network, whose="checkpoint")
            fresh = load_shared_weights(self.network, checkpoint.best_weights)
            self.logbook.say(f"started from another network; fresh: {', '.join(fresh) or 'nothing'}")
        self.images_seen, self.trained_s = checkpoint.images_seen, checkpoint.trained_s
        self.stage_index = 0 if stage is None else self._index_of(stage)
        self.stage = self._new_stage()

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on exactly where a checkpoint was written.

        Raises:
            ValueError: The checkpoint cannot be gone on from, or is of another recipe.
        """
        require_same_recipe(self.config, checkpoint.config)
        if checkpoint.optimiser is None or checkpoint.averaged_weights is None:
            raise ValueError("this checkpoint holds no optimiser to go on with; start from it with --init")
        if checkpoint.data.get("teacher") != self._data_description().get("teacher"):
            raise ValueError("the checkpoint's run has another teacher: --teacher names the same one again")
        self.stage_index = self._index_of(checkpoint.stage)
        load_weights(self.network, checkpoint.weights)
        self.stage = self._new_stage()
        self.stage.step_count = checkpoint.step
        self.stage.optimiser.load_state_dict(checkpoint.optimiser)
        self.stage.average.restore(checkpoint.averaged_weights, updates=checkpoint.average_updates)
        self.best_score = checkpoint.best_score
        self.images_seen, self.trained_s = checkpoint.images_seen, checkpoint.trained_s
        if checkpoint.random_state is not None:
            set_random_state(checkpoint.random_state, self.device)

    def run(self, stop: StopRequest) -> None:
        """Train until the recipe ends or there is a reason to stop; either way the last state is on disk."""
        while True:
            self._train_stage(stop)
            if not self._stage_is_done:
                self.logbook.say(f"stopped: {stop.reason}; go on with --resume")
                return
            if self.stage_index + 1 == len(self.config.stages):
                return
            self.network.load_state_dict(self.stage.average.weights)
            self.stage_index += 1
            self.stage = self._new_stage()
            self.best_score = None

    def checkpoint(self) -> Checkpoint:
        """Return the run as it stands."""
        return Checkpoint(
            config=self.config,
            stage=self._stage_config.name,
            step=self.stage.step_count,
            weights=self.network.state_dict(),
            averaged_weights=self.stage.average.weights,
            average_updates=self.stage.average.updates,
            optimiser=self.stage.optimiser.state_dict(),
            random_state=random_state(self.device),
            best_score=self.best_score,
            images_seen=self.images_seen,
            trained_s=self.trained_s,
            data=self._data_description(),
        )

    @property
    def _stage_config(self) -> StageConfig:
        return self.config.stages[self.stage_index]

    @property
    def _stage_is_done(self) -> bool:
        return self.stage.step_count >= self._stage_config.steps

    @property
    def _run_step(self) -> int:
        return self.stage.step_count + sum(s.steps for s in self.config.stages[: self.stage_index])

    def _new_stage(self) -> Stage:
        return Stage(self.lesson, self.config, self._stage_config, self.topology, team=self.team)

    def _train_stage(self, stop: StopRequest) -> None:
        stage, started_s = self._stage_config, time.monotonic()
        already_s = self.trained_s
        batches = self._batches()
        self.logbook.begin_stage(stage.name, steps=stage.steps, done=self.stage.step_count)
        while not (self._stage_is_done or self.team.agrees_on(stop.reason is not None)):
            asked_s = time.monotonic()
            batch = next(batches)
            waited_s = time.monotonic() - asked_s
            if self.team.size > 1:
                # Not the same dropout everywhere, and the same again where a team goes on.
                seed_from(self.config.seed, self.stage_index, self.stage.step_count, self.team.rank)
            step = self.stage.step(batch)
            images = batch.images.shape[:-3].numel() * self.team.size
            self.images_seen += images
            self.trained_s = already_s + time.monotonic() - started_s
            self.logbook.note_step(step, images=images, waited_s=waited_s)
            stop.count_step()
            if self.team.leads:
                self._keep_records()
        self.logbook.end_stage()
        if self.team.leads:
            save_checkpoint(self.checkpoint(), self.out / LAST)
            if self._stage_is_done:
                save_checkpoint(self.checkpoint(), self.out / f"{stage.name}.pt")

    def _keep_records(self) -> None:
        config, count = self.config, self.stage.step_count
        if count % config.log_every == 0 or self._stage_is_done:
            self.logbook.write_losses(self._run_step, stage=self._stage_config.name)
        if count % config.validate_every == 0 or self._stage_is_done:
            self._validate()
        if count % config.checkpoint_every == 0:
            save_checkpoint(self.checkpoint(), self.out / LAST)

    def _data_description(self) -> dict[str, Any]:
        """Return what was learnt from: the data, and the teacher if there was one."""
        if self.teacher is None:
            return self.feed.description
        teacher = {key: getattr(self.teacher, key) for key in ("stage", "step", "images_seen", "trained_s")}
        return {**self.feed.description, "teacher": teacher}

    def _batches(self) -> Iterator[HandBatch | ViewsBatch]:
        # Each stage has its own order of the data; the numbers of its batches begin at zero.
        seed = self.config.seed * len(self.config.stages) + self.stage_index
        course = Course(
            self._stage_config.batch_size,
            seed=seed,
            first_batch=self.stage.step_count,
            share=Share(self.team.rank, self.team.size),
        )
        return self.feed.training(course)

    def _validate(self) -> None:
        """Measure the averaged weights on a part of the validation set; keep them if they are best."""
        network = self._built()
        network.load_state_dict(self.stage.average.weights)
        measured, batches = validate(
            network,
            self.validation_hands,
            views=self.views,
            count=self.config.validation_views,
            batch_size=self._stage_config.batch_size,
            scope=self._stage_config.scope,
            context=autocast(self.config, self.device),
        )
        scores = validation_scores(measured)
        self.logbook.write_scalars(
            {f"val/{name}": value for name, value in scores.items()},
            self._run_step,
            stage=self._stage_config.name,
        )
        self.logbook.write_picture("val/hands", self._picture(batches, measured), self._run_step)
        self.logbook.say(" ".join(f"{name} {value:.2f}" for name, value in scores.items()))
        if self.best_score is None or judgement(scores) < self.best_score:
            self.best_score = judgement(scores)
            save_checkpoint(self.checkpoint().without_optimiser(), self.out / BEST)

    def _picture(self, batches: list[HandBatch], measured: Measured) -> Image:
        images = torch.cat([batch.images for batch in batches])[:PICTURED_HANDS]
        levels = (images.permute(0, 2, 3, 1) * 255.0).round().to(torch.uint8).numpy()
        predicted = measured.predicted
        drawn = [
            DrawnHand(levels[i], predicted.joints_uv[i], predicted.joints_m[i], predicted.vertices_m[i])
            for i in range(len(levels))
        ]
        return sheet(drawn, self.topology.faces)

    def _built(self) -> SingleViewHand | MultiViewHand:
        # Two thirds of the time of contiguous maps on these CPUs (docs/training.md).
        network = build_any(self.config.network, self.topology).to(self.device)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def _index_of(self, stage: str) -> int:
        names = [config.name for config in self.config.stages]
        if stage not in names:
            raise ValueError(f"the recipe has no stage {stage!r}; it has {names}")
        return names.index(stage)


def _taught_by(
    teacher: Checkpoint | None, config: RunConfig, topology: HandTopology, device: torch.device
) -> MultiViewHand | None:
    """Return the network of a teacher's checkpoint."""
    if teacher is None:
        return None
    require_same_widths(config.network, teacher.config.network, whose="teacher")
    network = build_multi_view(teacher.config.network, topology)
    load_weights(network, teacher.best_weights)
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
