//! Something went wrong in one trace, which went through several requests of two services. What did
//! it change, and in what order?

use audit_store::{Grouping, LogQuery, words};

use crate::shop::{Shop, request, tell};

/// A trace as tracing tools name it.
///
/// # Source
/// <https://www.w3.org/TR/trace-context/>
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

pub(crate) async fn play(shop: &Shop) -> anyhow::Result<()> {
    let within = |actor, id| request(actor, id).with_fact("trace_id", TRACE);
    let order = "INSERT INTO orders VALUES (1, 'ann', 'Main Street 1', 'open')";
    shop.run(&within("ann", "r1"), &[order]).await?;
    // Another request, of another trace, at the same time.
    let other = "UPDATE products SET price = 21 WHERE id = 1";
    shop.run(&request("bob", "r2"), &[other]).await?;
    let lines = [
        "INSERT INTO order_lines VALUES (1, 1, 2)",
        "UPDATE orders SET status = 'paid'",
    ];
    shop.run(&within("payments", "r3"), &lines).await?;

    let mut trail = shop.trail();
    let of_trace = LogQuery::new().trace(TRACE).oldest_first();
    let events = trail.page(&of_trace, None).await?.events;
    events.iter().for_each(tell);
    let told: Vec<String> = events
        .iter()
        .map(|event| {
            format!(
                "{} {} {}",
                words::who(event),
                words::what(event),
                words::record(event)
            )
        })
        .collect();
    anyhow::ensure!(
        told == [
            "ann INSERT orders 1",
            "payments INSERT order_lines 1/1",
            "payments UPDATE orders 1",
        ]
    );
    let tables = trail.counts(&of_trace, Grouping::Table, 10).await?;
    anyhow::ensure!(tables.iter().map(|table| table.events).sum::<u64>() == 3);
    Ok(())
}
