//! A parcel went to an address that its customer does not know. Who changed it, when, and from what?

use anyhow::Context as _;
use audit_store::{LogQuery, words};

use crate::shop::{Shop, request, tell};

pub(crate) async fn play(shop: &Shop) -> anyhow::Result<()> {
    let order = "INSERT INTO orders VALUES (7, 'ann', 'Main Street 1', 'open')";
    shop.run(&request("ann", "r1"), &[order]).await?;
    let moved = "UPDATE orders SET address = 'Side Street 9' WHERE id = 7";
    shop.run(
        &request("bob", "r2").with_reason("called on the phone"),
        &[moved],
    )
    .await?;
    let sent = "UPDATE orders SET status = 'sent' WHERE id = 7";
    shop.run(&request("carol", "r3"), &[sent]).await?;

    let mut trail = shop.trail();
    let orders = LogQuery::new().table("orders");
    let mut timeline = trail.timeline(&orders, "7").await?;
    let mut told = 0;
    while let Some(turns) = timeline.next().await? {
        turns.iter().for_each(|turn| tell(&turn.event));
        told += turns.len();
    }
    anyhow::ensure!(told == 3);

    let turn = trail.last_change(&orders, "7", "address").await?;
    let event = turn.context("nobody changed the address")?.event;
    let why = event.reason.as_deref().unwrap_or("no reason");
    println!("  the address is from {}: {why}", words::who(&event));
    anyhow::ensure!(event.actor_id.as_deref() == Some("bob"));
    anyhow::ensure!(event.reason.as_deref() == Some("called on the phone"));
    Ok(())
}
