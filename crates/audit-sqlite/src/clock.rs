//! Time and ids of events: a pair made together, increasing within a process.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock that went back by no more than this is held still instead: slewing, not setting.
const HELD_BACK_MICROS: u64 = 1_000_000;

static LAST: Mutex<Tick> = Mutex::new(Tick {
    micros: 0,
    count: 0,
});

/// A moment of this process: microseconds since 1970 and a counter of ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) micros: u64,
    pub(crate) count: u16,
}

/// The next moment: later than every one before it, unless the clock was set back.
pub(crate) fn tick() -> Tick {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros();
    let now = u64::try_from(now).unwrap_or(u64::MAX);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    *last = after(*last, now);
    *last
}

fn after(last: Tick, now: u64) -> Tick {
    if now > last.micros || last.micros - now > HELD_BACK_MICROS {
        return Tick {
            micros: now,
            count: 0,
        };
    }
    match last.count.checked_add(1) {
        Some(count) => Tick {
            micros: last.micros,
            count,
        },
        None => Tick {
            micros: last.micros + 1,
            count: 0,
        },
    }
}

impl Tick {
    /// RFC 3339 in UTC with six digits, which sorts as text.
    pub(crate) fn to_rfc3339(self) -> String {
        let (seconds, micros) = (self.micros / 1_000_000, self.micros % 1_000_000);
        let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute) = (second_of_day / 3_600, second_of_day / 60 % 60);
        let second = second_of_day % 60;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }

    /// A UUIDv7 (RFC 9562, section 5.7) whose order is that of the ticks: milliseconds, the
    /// microseconds within them and the counter, then 48 random bits.
    pub(crate) fn to_uuid(self, random: [u8; 6]) -> [u8; 16] {
        let millis = u128::from(self.micros / 1_000) & 0xffff_ffff_ffff;
        let micros = u128::from(self.micros % 1_000);
        let count = u128::from(self.count);
        let mut tail = [0; 8];
        for (place, byte) in tail.iter_mut().skip(2).zip(random) {
            *place = byte;
        }
        let rand_a = (micros << 2) | (count >> 14);
        let rand_b = ((count & 0x3fff) << 48) | u128::from(u64::from_be_bytes(tail));
        ((millis << 80) | (0x7 << 76) | (rand_a << 64) | (0b10 << 62) | rand_b).to_be_bytes()
    }
}

/// The date of a day counted from 1970-01-01.
///
/// # Source
/// The `civil_from_days` algorithm, <https://howardhinnant.github.io/date_algorithms.html>.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let text = |seconds: u64| {
            Tick {
                micros: seconds * 1_000_000 + 7,
                count: 0,
            }
            .to_rfc3339()
        };
        assert_eq!(text(0), "1970-01-01T00:00:00.000007Z");
        assert_eq!(text(951_782_400), "2000-02-29T00:00:00.000007Z");
        assert_eq!(text(1_709_251_199), "2024-02-29T23:59:59.000007Z");
        assert_eq!(text(4_107_542_400), "2100-03-01T00:00:00.000007Z");
    }

    #[test]
    fn ids_have_version_and_variant_and_sort_like_their_ticks() {
        // The timestamp of the example in RFC 9562, appendix A.6: 2022-02-22T14:22:22.000-05:00.
        let base = 0x017F_22E2_79B0 * 1_000;
        let mut last = [0; 16];
        for (micros, count) in [
            (base, 0),
            (base, 1),
            (base, 0x4000),
            (base + 1, 0),
            (base + 999, 3),
        ] {
            let id = Tick { micros, count }.to_uuid([0xff; 6]);
            assert_eq!(id[..6], [0x01, 0x7F, 0x22, 0xE2, 0x79, 0xB0]);
            assert_eq!((id[6] >> 4, id[8] >> 6), (7, 0b10));
            assert!(id > last);
            last = id;
        }
    }

    #[test]
    fn a_clock_that_steps_back_a_little_is_held_and_one_that_is_set_back_is_followed() {
        let last = Tick {
            micros: 5_000_000,
            count: 0,
        };
        assert_eq!(
            after(last, 4_999_000),
            Tick {
                micros: 5_000_000,
                count: 1
            }
        );
        assert_eq!(
            after(last, 3_000_000),
            Tick {
                micros: 3_000_000,
                count: 0
            }
        );
        let full = Tick {
            micros: 5,
            count: u16::MAX,
        };
        assert_eq!(
            after(full, 5),
            Tick {
                micros: 6,
                count: 0
            }
        );
    }
}
