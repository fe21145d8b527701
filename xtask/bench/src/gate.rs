//! What the audit may cost.

use crate::report::Line;

/// One demand and whether it is met.
#[derive(Debug, PartialEq)]
pub(crate) struct Gate {
    pub(crate) passed: bool,
    pub(crate) text: String,
}

impl Gate {
    fn at_most(line: &Line, what: &str, value: f64, most: f64) -> Self {
        // What the tables show counts: two digits.
        let passed = (value * 100.0).round() <= (most * 100.0).round();
        let (database, adapter) = (&line.database, line.adapter);
        let (op, connections) = (line.op, line.connections);
        Self {
            passed,
            text: format!(
                "{database} {adapter} {op} c={connections}: {what} {value:.2}, at most {most:.2}"
            ),
        }
    }
}

const SQLX: &str = "sqlx";
const ROW: f64 = 1.10;
const BULK: f64 = 1.15;
const READ: f64 = 1.02;
const NETWORK: f64 = 1.05;

/// The gates of a run; `over_network` when its calls went a longer way.
pub(crate) fn gates(lines: &[Line], over_network: bool) -> Vec<Gate> {
    let mut gates = inline(lines);
    for line in lines.iter().filter(|line| line.variant == "audited") {
        let twin = |variant: &str| {
            lines.iter().find(|other| {
                other.variant == variant
                    && other.database == line.database
                    && other.adapter == line.adapter
                    && other.op == line.op
                    && other.connections == line.connections
            })
        };
        if over_network {
            if let Some(limit) = twin("limit") {
                let most = NETWORK + (limit.ratio - 1.0).max(0.0);
                gates.push(Gate::at_most(
                    line,
                    "audited over a network",
                    line.ratio,
                    most,
                ));
            }
        } else {
            gates.extend(cost(line));
        }
        gates.extend(bulk(line, lines));
        if let Some(measure) = twin(measure_of_trips(line)) {
            let (ours, theirs) = (line.round_trips, measure.round_trips);
            gates.push(Gate::at_most(line, "round trips", ours, theirs));
        }
    }
    gates
}

/// What statements that write their own events may cost to those written by hand.
fn inline(lines: &[Line]) -> Vec<Gate> {
    let ours = lines.iter().filter(|line| line.variant == "inline");
    let gates = ours.flat_map(|line| {
        let cost = line.ratio_to_floor;
        let cost = cost.map(|ratio| Gate::at_most(line, "inline to floor", ratio, ROW));
        let mut others = lines.iter();
        let bare = others.find(|other| {
            other.variant == "bare"
                && other.database == line.database
                && (other.op, other.connections) == (line.op, line.connections)
        });
        let trips = bare.map(|bare| {
            let (ours, theirs) = (line.round_trips, bare.round_trips);
            Gate::at_most(line, "round trips of inline", ours, theirs)
        });
        cost.into_iter().chain(trips)
    });
    gates.collect()
}

/// The variant that audited calls may not have more round trips than. A thread of Diesel's waits for
/// the release of its connection too, and hooks written by hand take the context off there as well.
fn measure_of_trips(line: &Line) -> &'static str {
    match line.adapter {
        "diesel" => "limit",
        _ => "bare",
    }
}

/// Whether a statement that changes many rows costs what it costs on sqlx.
fn bulk(line: &Line, lines: &[Line]) -> Option<Gate> {
    if line.adapter == SQLX || !matches!(line.op, "update1000" | "insert1000") {
        return None;
    }
    let sqlx = lines.iter().find(|other| {
        other.adapter == SQLX
            && other.variant == line.variant
            && other.database == line.database
            && other.op == line.op
            && other.connections == line.connections
    })?;
    let share = line.ratio / sqlx.ratio;
    Some(Gate::at_most(line, "to bare, as to sqlx's", share, BULK))
}

fn cost(line: &Line) -> Option<Gate> {
    match (line.op, line.ratio_to_stamped, line.ratio_to_limit) {
        ("select" | "unaudited", Some(ratio), _) => {
            Some(Gate::at_most(line, "audited to stamped", ratio, READ))
        }
        ("select" | "unaudited", None, _) | (_, _, None) => None,
        ("update1000" | "insert1000", _, Some(ratio)) => {
            Some(Gate::at_most(line, "audited to limit", ratio, BULK))
        }
        (_, _, Some(ratio)) => Some(Gate::at_most(line, "audited to limit", ratio, ROW)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(op: &'static str, variant: &'static str, ratio: f64) -> Line {
        Line {
            database: "sqlite".to_owned(),
            adapter: "sqlx",
            op,
            variant,
            connections: 1,
            ratio,
            low: ratio,
            high: ratio,
            round_trips: 2.0,
            release_round_trips: 1.0,
            bytes: 0,
            ratio_to_limit: (variant == "audited").then_some(ratio / 2.0),
            ratio_to_stamped: None,
            ratio_to_floor: None,
            micros: 1.0,
        }
    }

    fn verdicts(lines: &[Line], over_network: bool) -> Vec<bool> {
        gates(lines, over_network)
            .iter()
            .map(|gate| gate.passed)
            .collect()
    }

    #[test]
    fn a_row_may_cost_a_tenth_more_than_by_hand_and_a_thousand_rows_fifteen_hundredths() {
        for (op, ratio, passed) in [
            ("insert", 2.20, true),
            ("insert", 2.22, false),
            ("update1000", 2.30, true),
            ("update1000", 2.32, false),
        ] {
            assert_eq!(verdicts(&[line(op, "audited", ratio)], false), [passed]);
        }
    }

    #[test]
    fn reads_are_held_against_the_stamp() {
        let mut read = line("select", "audited", 1.5);
        read.ratio_to_stamped = Some(1.02);
        assert_eq!(verdicts(&[read.clone()], false), [true]);
        read.ratio_to_stamped = Some(1.03);
        assert_eq!(verdicts(&[read], false), [false]);
    }

    #[test]
    fn bulk_work_through_another_library_is_held_against_that_of_sqlx() {
        let sqlx = line("update1000", "audited", 2.0);
        for (ratio, passed) in [(2.30, true), (2.32, false)] {
            let mut other = line("update1000", "audited", ratio);
            other.adapter = "seaorm";
            other.ratio_to_limit = Some(1.0);
            assert_eq!(
                verdicts(&[sqlx.clone(), other], false),
                [true, true, passed]
            );
        }
    }

    #[test]
    fn reads_through_another_library_are_held_against_its_stamp() {
        let mut read = line("select", "audited", 1.5);
        read.adapter = "diesel-async";
        assert_eq!(verdicts(&[read.clone()], false), [false; 0]);
        for (ratio, passed) in [(1.02, true), (1.03, false)] {
            read.ratio_to_stamped = Some(ratio);
            assert_eq!(verdicts(&[read.clone()], false), [passed]);
        }
    }

    #[test]
    fn over_a_network_only_what_the_limit_costs_is_added() {
        let limit = line("insert", "limit", 1.20);
        let audited = |ratio| line("insert", "audited", ratio);
        assert_eq!(verdicts(&[limit.clone(), audited(1.25)], true), [true]);
        assert_eq!(verdicts(&[limit, audited(1.26)], true), [false]);
    }

    #[test]
    fn a_statement_may_cost_a_tenth_more_than_one_by_hand() {
        let bare = line("insert", "bare", 1.0);
        for (ratio, trips, passed) in [(1.10, 2.0, [true, true]), (1.11, 3.0, [false, false])] {
            let mut inline = line("insert", "inline", 3.0);
            inline.ratio_to_floor = Some(ratio);
            inline.round_trips = trips;
            assert_eq!(verdicts(&[bare.clone(), inline], false), passed);
        }
    }

    #[test]
    fn one_more_round_trip_is_seen() {
        let bare = line("insert", "bare", 1.0);
        let mut audited = line("insert", "audited", 1.0);
        audited.round_trips = 3.0;
        assert_eq!(verdicts(&[bare, audited], false), [true, false]);
    }

    #[test]
    fn a_thread_that_waits_for_the_release_has_the_round_trips_of_the_limit() {
        let of = |variant, trips| {
            let mut line = line("insert", variant, 1.0);
            line.adapter = "diesel";
            line.round_trips = trips;
            line
        };
        let (bare, limit) = (of("bare", 2.0), of("limit", 3.0));
        for (trips, passed) in [(3.0, true), (4.0, false)] {
            let lines = [bare.clone(), limit.clone(), of("audited", trips)];
            assert_eq!(verdicts(&lines, false), [true, passed]);
        }
    }
}
