//! Ratios of two series, round by round.

/// The median of the ratios and the quartiles around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Ratio {
    /// Compares round by round; `None` when there are no rounds.
    pub(crate) fn of(seconds: &[f64], reference: &[f64]) -> Option<Self> {
        let mut ratios: Vec<f64> = seconds.iter().zip(reference).map(|(a, b)| a / b).collect();
        ratios.sort_by(f64::total_cmp);
        Some(Self {
            median: at(&ratios, 0.5)?,
            low: at(&ratios, 0.25)?,
            high: at(&ratios, 0.75)?,
        })
    }
}

/// The value at a share of a sorted list, between two neighbours in proportion.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an index into a short list"
)]
fn at(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * (sorted.len().checked_sub(1)?) as f64;
    let low = sorted.get(place.floor() as usize)?;
    let high = sorted.get(place.ceil() as usize)?;
    Some(low + (high - low) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_compared_pair_by_pair() {
        let ratio = Ratio::of(&[2.0, 40.0, 6.0, 4.0, 30.0], &[1.0, 10.0, 2.0, 4.0, 6.0]);
        let expected = Ratio {
            median: 3.0,
            low: 2.0,
            high: 4.0,
        };
        assert_eq!(ratio, Some(expected));
        assert_eq!(Ratio::of(&[], &[]), None);
    }

    #[test]
    fn an_even_number_of_rounds_has_its_median_between_two() {
        let ratio = Ratio::of(&[1.0, 2.0], &[1.0, 1.0]).map(|ratio| ratio.median);
        assert_eq!(ratio, Some(1.5));
    }
}
