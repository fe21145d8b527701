#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "telling is what a story does")]

mod customer;
mod revert_a_request;
mod shop;
mod support;
mod test_database;
mod time_travel;
mod trace;
mod trend;

use clap::{Parser, ValueEnum};
use shop::Shop;

/// Plays stories on new SQLite files.
#[derive(Debug, Parser)]
struct Arguments {
    /// The story; all of them when none is named
    #[arg(value_enum)]
    story: Option<Story>,
}

/// A story.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Story {
    /// An agent of the support finds out what became of an order
    Support,
    /// A customer sees its own trail, and no other
    Customer,
    /// A request did harm and is taken back
    RevertARequest,
    /// What did it look like on Monday?
    TimeTravel,
    /// One trace went through several requests; what did it change?
    Trace,
    /// A test goes back to where it began, and forward again
    TestDatabase,
    /// How did a price develop?
    Trend,
}

impl Story {
    async fn play(self) -> anyhow::Result<()> {
        let name = self.to_possible_value();
        println!(
            "\n{}",
            name.map_or_else(String::new, |name| name.get_name().to_owned())
        );
        let shop = Shop::open().await?;
        match self {
            Self::Support => support::play(&shop).await,
            Self::Customer => customer::play(&shop).await,
            Self::RevertARequest => revert_a_request::play(&shop).await,
            Self::TimeTravel => time_travel::play(&shop).await,
            Self::Trace => trace::play(&shop).await,
            Self::TestDatabase => test_database::play(&shop).await,
            Self::Trend => trend::play(&shop).await,
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().story {
        Some(story) => story.play().await,
        None => {
            for story in Story::value_variants() {
                story.play().await?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expands to a test for each story.
    macro_rules! stories {
        ($($name:ident: $story:ident),+ $(,)?) => {
            $(#[tokio::test]
            async fn $name() -> anyhow::Result<()> {
                Story::$story.play().await
            })+
        };
    }

    stories! {
        support: Support,
        customer: Customer,
        revert_a_request: RevertARequest,
        time_travel: TimeTravel,
        trace: Trace,
        test_database: TestDatabase,
        trend: Trend,
    }
}
