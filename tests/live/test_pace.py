"""How often partial passes are asked for: the pace alone."""

from __future__ import annotations

from tests.support.crowd import CROWDED, LAST_STEP_S, QUICK, TARGET_S, crowd, see
from tests.support.engine import Clock
from transcriber.engine.source import Timing
from transcriber.live.pace import LEAST_CHUNK_MS, MOST_CHUNK_MS, STEPS_S, Pace, Turns


def test_while_all_is_well_nothing_is_spaced_out(pace: Pace, clock: Clock) -> None:
    see(pace, clock, QUICK, 100)
    assert (pace.interval_s, pace.suggested_chunk_ms) == (0.0, LEAST_CHUNK_MS)


def test_when_passes_wait_too_long_they_are_spaced_out_step_by_step(
    pace: Pace, clock: Clock
) -> None:
    seen = []
    for _ in range(200):
        see(pace, clock, CROWDED, 1)
        seen.append(pace.interval_s)
    assert sorted(set(seen)) == list(STEPS_S)
    assert seen == sorted(seen)


def test_chunks_as_long_as_the_interval_are_suggested_up_to_two_seconds(
    pace: Pace, clock: Clock
) -> None:
    suggested: dict[float, int] = {}
    for _ in range(200):
        see(pace, clock, CROWDED, 1)
        suggested[pace.interval_s] = pace.suggested_chunk_ms
    assert suggested[0.8] == 800
    assert suggested[LAST_STEP_S] == MOST_CHUNK_MS


def test_one_slow_pass_in_ten_is_chance(pace: Pace, clock: Clock) -> None:
    for _ in range(20):
        see(pace, clock, CROWDED, 1)
        see(pace, clock, QUICK, 9)
    assert pace.interval_s == 0.0


def test_the_interval_shrinks_again_when_there_is_room(pace: Pace, clock: Clock) -> None:
    crowd(pace, clock)
    seen = []
    for _ in range(60):
        see(pace, clock, QUICK, 5)
        seen.append(pace.interval_s)
    assert sorted(set(seen)) == list(STEPS_S)
    assert seen == sorted(seen, reverse=True)
    assert (pace.interval_s, pace.suggested_chunk_ms) == (0.0, LEAST_CHUNK_MS)


def test_passes_just_within_the_target_leave_it_as_it_is(pace: Pace, clock: Clock) -> None:
    crowd(pace, clock)
    see(pace, clock, Timing(0.3, 0.15, alone=False), 300)
    assert pace.interval_s == LAST_STEP_S


def test_when_nobody_has_spoken_for_long_there_is_room(pace: Pace, clock: Clock) -> None:
    crowd(pace, clock)
    clock.advance(600)
    assert pace.interval_s == 0.0


def test_a_step_gets_time_to_have_its_effect(pace: Pace, clock: Clock) -> None:
    clock.advance(60)
    see(pace, clock, CROWDED, 100, every_s=0.01)
    assert pace.interval_s == STEPS_S[1]


def test_passes_under_way_count_as_soon_as_they_are_late(pace: Pace, clock: Clock) -> None:
    sessions = [Turns(pace) for _ in range(5)]
    assert all(turns.ask() for turns in sessions)
    seen = []
    for _ in range(60):
        clock.advance(0.5)
        seen.append(pace.interval_s)
    assert sorted(set(seen)) == list(STEPS_S)
    assert seen == sorted(seen)


def test_passes_that_are_given_up_are_not_waited_for(pace: Pace, clock: Clock) -> None:
    sessions = [Turns(pace) for _ in range(5)]
    for turns in sessions:
        turns.ask()
        turns.drop()
    clock.advance(5)
    assert pace.interval_s == 0.0


def test_a_model_slower_than_the_target_by_itself_is_not_held_back(
    pace: Pace, clock: Clock
) -> None:
    see(pace, clock, Timing(0.0, 3 * TARGET_S, alone=True), 50, every_s=1.5)
    see(pace, clock, Timing(0.0, 5 * TARGET_S, alone=False), 50, every_s=1.5)
    assert pace.interval_s == 0.0


def test_a_slow_model_in_a_crowd_is(pace: Pace, clock: Clock) -> None:
    see(pace, clock, Timing(0.0, 3 * TARGET_S, alone=True), 5, every_s=1.5)
    see(pace, clock, Timing(2.0, 5 * TARGET_S, alone=False), 200, every_s=0.5)
    assert pace.interval_s == LAST_STEP_S


def test_a_crowd_never_counts_as_normal(pace: Pace, clock: Clock) -> None:
    see(pace, clock, Timing(0.0, 0.2, alone=True), 5)
    see(pace, clock, Timing(0.0, 1.2, alone=False), 500)
    assert pace.interval_s == LAST_STEP_S


def test_a_longer_piece_may_take_as_long_as_long_ones_do(pace: Pace, clock: Clock) -> None:
    see(pace, clock, Timing(0.0, 0.3, alone=True), 20, audio_s=3)
    see(pace, clock, Timing(0.0, 0.9, alone=True), 20, audio_s=20)
    see(pace, clock, Timing(0.0, 1.5, alone=False), 50, audio_s=20)
    assert pace.interval_s == 0.0
    see(pace, clock, Timing(0.0, 1.5, alone=False), 50, audio_s=3)
    assert pace.interval_s > 0.0


def test_where_no_pass_was_ever_alone_only_the_waiting_is_judged(pace: Pace, clock: Clock) -> None:
    see(pace, clock, Timing(0.0, 2.0, alone=False), 100)
    assert pace.interval_s == 0.0
    see(pace, clock, Timing(4.0, 2.0, alone=False), 100)
    assert pace.interval_s > 0.0


def test_a_target_of_nothing_spaces_out_only_what_is_crowded(clock: Clock) -> None:
    pace = Pace(0.0, clock)
    see(pace, clock, Timing(0.0, 0.2, alone=True), 50)
    assert pace.interval_s == 0.0


def test_a_pass_that_waits_takes_no_further_turn(pace: Pace, clock: Clock) -> None:
    crowd(pace, clock)
    turns = Turns(pace)
    assert turns.ask()
    assert turns.ask(), "the same one"
    turns.taken()
    assert not turns.ask()
    clock.advance(LAST_STEP_S)
    assert turns.ask()
