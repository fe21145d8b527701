//! The times of a query.

use chrono::{
    DateTime, Datelike as _, Days, Months, NaiveDate, SubsecRound as _, TimeDelta, Utc, Weekday,
};
use serde::Serialize;

use crate::query::QueryError;

/// A time to read from or up to: an instant, or a span before the moment in which the query runs.
///
/// Made of a text: a span (`90m`, `24h`, `30d`, `2w`, `3mo`, `1y`; months and years are those of the
/// calendar, and end with the month where it is shorter), a day (`2026-01-31`, its beginning in UTC;
/// `today`, `yesterday`, and `monday` to `sunday` for the last one that began) or an instant in
/// RFC 3339. Or of a `DateTime<Utc>`, or of a `TimeDelta` before now. A text is read
/// when the query runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct When(Form);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
enum Form {
    At(#[serde(serialize_with = "seconds_and_nanoseconds_since_1970")] DateTime<Utc>),
    Before(#[serde(serialize_with = "seconds_and_nanoseconds")] TimeDelta),
    Text(String),
}

fn seconds_and_nanoseconds<S: serde::Serializer>(
    span: &TimeDelta,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    (span.num_seconds(), span.subsec_nanos()).serialize(serializer)
}

fn seconds_and_nanoseconds_since_1970<S: serde::Serializer>(
    instant: &DateTime<Utc>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    (instant.timestamp(), instant.timestamp_subsec_nanos()).serialize(serializer)
}

impl From<&str> for When {
    fn from(text: &str) -> Self {
        Self(Form::Text(text.to_owned()))
    }
}

impl From<&String> for When {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<String> for When {
    fn from(text: String) -> Self {
        Self(Form::Text(text))
    }
}

impl From<DateTime<Utc>> for When {
    fn from(instant: DateTime<Utc>) -> Self {
        Self(Form::At(instant))
    }
}

impl From<TimeDelta> for When {
    fn from(span: TimeDelta) -> Self {
        Self(Form::Before(span))
    }
}

impl When {
    /// The instant, to the next whole microsecond, because no event lies between two. A span is
    /// before `now`.
    ///
    /// # Errors
    /// [`QueryError::InvalidTime`] for a text that is no time, and for a year that not every
    /// database has.
    pub fn instant(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, QueryError> {
        let instant = match &self.0 {
            Form::At(instant) => Some(*instant),
            Form::Before(span) => now.checked_sub_signed(*span),
            Form::Text(text) => read(text, now),
        };
        instant
            .and_then(whole_microseconds)
            // The years that every database has.
            .filter(|instant| (1..=9999).contains(&instant.year()))
            .ok_or_else(|| QueryError::InvalidTime {
                text: match &self.0 {
                    Form::At(instant) => instant.to_string(),
                    Form::Before(span) => span.to_string(),
                    Form::Text(text) => text.clone(),
                },
            })
    }
}

fn whole_microseconds(instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let whole = instant.trunc_subsecs(6);
    match whole == instant {
        true => Some(whole),
        false => whole.checked_add_signed(TimeDelta::microseconds(1)),
    }
}

fn read(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.with_timezone(&Utc));
    }
    if let Some(day) = day_by_name(text, now.date_naive()) {
        return Some(day.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    let is_plain = text.starts_with(|c: char| c.is_ascii_digit());
    if let Some(day) = text.parse::<NaiveDate>().ok().filter(|_| is_plain) {
        return Some(day.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    before(text, now)
}

/// The instant that lies a span before `now`; `None` for a text that is no span.
pub(crate) fn before(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (count, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let months = |each: u32| {
        let count = count.parse::<u32>().ok()?.checked_mul(each)?;
        now.checked_sub_months(Months::new(count))
    };
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        "mo" => return months(1),
        "y" => return months(12),
        _ => return None,
    };
    let span = count.parse::<i64>().ok()?.checked_mul(seconds)?;
    now.checked_sub_signed(TimeDelta::try_seconds(span)?)
}

/// `today`, `yesterday`, or the last day of a name.
fn day_by_name(name: &str, today: NaiveDate) -> Option<NaiveDate> {
    let days = match name {
        "today" => 0,
        "yesterday" => 1,
        "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday" | "sunday" => {
            let day: Weekday = name.parse().ok()?;
            today.weekday().days_since(day)
        }
        _ => return None,
    };
    today.checked_sub_days(Days::new(days.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-31T09:00:00.000000001Z".parse().unwrap()
    }

    fn instant(when: impl Into<When>) -> String {
        when.into().instant(now()).unwrap().to_rfc3339()
    }

    #[test]
    fn spans_are_before_now_and_months_are_those_of_the_calendar() {
        for (span, expected) in [
            ("90m", "2026-03-31T07:30:00.000001+00:00"),
            ("24h", "2026-03-30T09:00:00.000001+00:00"),
            ("30d", "2026-03-01T09:00:00.000001+00:00"),
            ("2w", "2026-03-17T09:00:00.000001+00:00"),
            ("1mo", "2026-02-28T09:00:00.000001+00:00"),
            ("3mo", "2025-12-31T09:00:00.000001+00:00"),
            ("1y", "2025-03-31T09:00:00.000001+00:00"),
            ("2026-01-31", "2026-01-31T00:00:00+00:00"),
            ("today", "2026-03-31T00:00:00+00:00"),
            ("yesterday", "2026-03-30T00:00:00+00:00"),
            // The day of the test is a Tuesday.
            ("tuesday", "2026-03-31T00:00:00+00:00"),
            ("monday", "2026-03-30T00:00:00+00:00"),
            ("wednesday", "2026-03-25T00:00:00+00:00"),
            (
                "2026-01-31T09:00:00.0000001+01:00",
                "2026-01-31T08:00:00.000001+00:00",
            ),
        ] {
            assert_eq!(instant(span), expected, "{span}");
        }
        assert_eq!(instant(TimeDelta::hours(24)), instant("24h"));
        assert_eq!(instant(now()), instant("0s"));
    }

    #[test]
    fn what_is_no_time_of_every_database_is_refused() {
        for text in [
            "",
            "24",
            "h",
            "5yy",
            "Monday",
            "mon",
            "-1d",
            "99999999999999999999d",
            "9999999999999w",
            "3000y",
            "1é",
            "+2026-01-31",
            "0000-01-31",
            "2026-02-31",
            "9999-12-31T23:59:59.9999999Z",
        ] {
            let error = QueryError::InvalidTime {
                text: text.to_owned(),
            };
            assert_eq!(When::from(text).instant(now()), Err(error), "{text}");
        }
    }
}
