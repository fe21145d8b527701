//! Properties that take a database.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// How often a failure is made smaller; each time takes as long as the property itself.
const SHRINKS: u32 = 20;

/// Proves a property on some values of a strategy, other ones in each run. A failure names the variable
/// of the environment by which the same values are drawn again.
pub(crate) fn holds<S: Strategy>(strategy: &S, cases: u32, property: impl AsyncFn(S::Value)) {
    let mut config = Config::with_cases(cases);
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().build_hasher().finish(),
    };
    config.rng_seed = RngSeed::Fixed(seed);
    config.failure_persistence = None;
    config.max_shrink_iters = SHRINKS;
    let proven = TestRunner::new(config).run(strategy, |value| {
        let runtime = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| runtime.block_on(property(value)));
        Ok(())
    });
    if let Err(failure) = proven {
        panic!("{failure}\nPROPTEST_RNG_SEED={seed} draws this again");
    }
}
