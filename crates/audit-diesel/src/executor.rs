//! What the executors that block and those that do not have in common.

mod builder;
mod carrying;
#[cfg(feature = "async")]
mod shared;
#[cfg(any(
    feature = "async-mysql",
    feature = "async-postgres",
    feature = "async-sqlite",
    feature = "postgres",
))]
mod statement;

pub use builder::TransactionBuilder;
pub(crate) use carrying::Carrying;
pub use carrying::NotAttached;
#[cfg(feature = "async")]
pub use shared::Interrupted;
#[cfg(feature = "async")]
pub(crate) use shared::Shared;
#[cfg(any(feature = "async-mysql", feature = "async-sqlite"))]
pub(crate) use statement::collected;
#[cfg(any(feature = "async-postgres", feature = "postgres"))]
pub(crate) use statement::leaves_the_context;
