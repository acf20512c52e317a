"""The service clock's settings: how they are written, and what is said when they cannot be used."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

from config.service_clock import ServiceClock as Knobs
from config.settings import Settings, SettingsError, load
from store.__main__ import rule_book
from store.history.clock import Calendar, ServiceClock

EXAMPLE = Path(__file__).parents[2] / "config" / "example.toml"
OFFICE = ((8 * 60, 18 * 60),)


def settings_of(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def test_the_example_file_writes_out_every_knob_of_the_clock_with_its_reason():
    written = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert set(written["service_clock"]) == set(Knobs.model_fields)
    assert all(field.description for field in Knobs.model_fields.values())


def test_the_examples_in_the_comments_can_be_used_as_they_stand(tmp_path):
    text = re.sub(r"(?m)^# (?=\S+ = )", "", EXAMPLE.read_text(encoding="utf-8"))
    clock = settings_of(tmp_path, text).service_clock
    assert clock.hours["fri"] == "08:00-16:00"
    assert clock.target_hours == {"Critical": 4, "Major": 8}


def test_the_clock_runs_round_the_clock_until_told_otherwise():
    assert rule_book(Settings()).others.clock == ServiceClock()


def test_every_source_has_the_clock_of_the_settings(tmp_path):
    text = """
        [service_clock]
        stopped_by = ["PENDING", "on-site"]
        time_zone = "Europe/Vienna"
        holidays = "AT"
        free_days = [2026-12-24, "2026-12-31"]
        [service_clock.hours]
        Mon-Fri = "08:00-18:00"
        sat = "09:00-12:00, 13:30-24:00"
        [service_clock.target_hours]
        Critical = 4
        [sources.nord]
        time_zone = "UTC"
        """
    rules = rule_book(settings_of(tmp_path, text))
    assert rules.of("nord").zone == "UTC"
    assert rules.of("nord").clock == rules.of("unnamed").clock
    assert rules.of("nord").clock == ServiceClock(
        stopped_by=frozenset({"pending", "on-site"}),
        calendar=Calendar(
            zone="Europe/Vienna",
            week=(OFFICE,) * 5 + (((540, 720), (810, 1440)), ()),
            holidays="AT",
            free_days=frozenset({date(2026, 12, 24), date(2026, 12, 31)}),
        ),
        targets=(("critical", 4.0 * 3600),),
    )


def test_days_may_run_over_the_end_of_the_week(tmp_path):
    text = '[service_clock.hours]\nsat-mon = "08:00-18:00"\n'
    calendar = rule_book(settings_of(tmp_path, text)).others.clock.calendar
    assert calendar
    assert calendar.week == (OFFICE, (), (), (), (), OFFICE, OFFICE)


@pytest.mark.parametrize("knob", ['holidays = "DE"', "free_days = [2026-12-25, 2026-12-26]"])
def test_days_off_alone_leave_whole_days_out(tmp_path, knob):
    settings = settings_of(tmp_path, f"[service_clock]\n{knob}\n")
    clock = rule_book(settings).others.clock
    # From the evening of 24 to that of 27 December 2026, both days off between them.
    told = ("2026-12-24T17:00:00.000Z", "2026-12-27T17:00:00.000Z")
    assert clock.seconds("inProgress", *told) == 24 * 3600


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("holidays = 'XX'", r"service_clock\.holidays: .*XX"),
        ("holidays = 'DE-XX'", r"service_clock\.holidays: .*XX"),
        ("time_zone = 'Berlin'", r"service_clock\.time_zone: .*'Berlin'"),
        ("time_zone = 'Europe'", r"service_clock\.time_zone"),
        ("time_zone = ''", r"service_clock\.time_zone"),
        ("time_zone = '../etc/passwd'", r"service_clock\.time_zone"),
        ("free_days = ['2026-02-29']", r"service_clock\.free_days"),
        ("hours.mon-fri = '8-18'", r"service_clock\.hours: .*'8-18'"),
        ("hours.mon-fri = ''", r"service_clock\.hours"),
        ("hours.mon-fri = '08:00-25:00'", r"service_clock\.hours: .*'08:00-25:00'"),
        ("hours.mon-fri = '22:00-06:00'", r"service_clock\.hours: .*'22:00-06:00'"),
        ("hours.mon-fri = '08:00-12:00, 11:00-18:00'", r"service_clock\.hours: .*overlap"),
        ("hours.monday = '08:00-18:00'", r"service_clock\.hours: .*'monday'"),
        ("hours.mon- = '08:00-18:00'", r"service_clock\.hours: .*'mon-'"),
        ("hours = {mon-fri = '08:00-18:00', wed = '08:00-12:00'}", r"service_clock\.hours: .*wed"),
        ("target_hours.Major = 0", r"service_clock\.target_hours\.Major"),
        ("target_hours = {Major = 8, major = 4}", r"service_clock\.target_hours: .*twice"),
        ("stoped_by = ['pending']", r"service_clock\.stoped_by"),
    ],
)
def test_a_setting_of_the_clock_that_cannot_be_used_is_refused_with_its_name(tmp_path, text, named):
    with pytest.raises(SettingsError, match=named):
        settings_of(tmp_path, f"[service_clock]\n{text}\n")


def test_a_source_in_an_unknown_zone_is_refused_with_its_name(tmp_path):
    with pytest.raises(SettingsError, match=r"sources\.nord\.time_zone"):
        settings_of(tmp_path, '[sources.nord]\ntime_zone = "Mars/Base"\n')
