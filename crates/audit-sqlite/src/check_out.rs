//! What a connection is found to be when a context is put on it.

/// What `audit_check_out` found, as the number that it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckOut {
    /// The triggers were installed for the schema as it is.
    pub is_current: bool,
    /// A transaction is open.
    pub is_in_transaction: bool,
}

impl CheckOut {
    const CURRENT: i64 = 1;
    const IN_TRANSACTION: i64 = 2;

    /// Reads the number.
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        Self {
            is_current: number & Self::CURRENT != 0,
            is_in_transaction: number & Self::IN_TRANSACTION != 0,
        }
    }

    pub(crate) fn to_number(self) -> i64 {
        let current = i64::from(self.is_current) * Self::CURRENT;
        current + i64::from(self.is_in_transaction) * Self::IN_TRANSACTION
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_finding() {
        for number in 0..4 {
            assert_eq!(CheckOut::from_number(number).to_number(), number);
        }
        assert!(CheckOut::from_number(1).is_current);
        assert!(CheckOut::from_number(2).is_in_transaction);
    }
}
