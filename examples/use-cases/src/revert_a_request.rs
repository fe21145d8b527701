//! A request deleted the wrong orders. What it did is taken back, all of it, and the trail tells that.

use audit_store::LogQuery;

use crate::shop::{Shop, request, tell};

pub(crate) async fn play(shop: &Shop) -> anyhow::Result<()> {
    let orders = [
        "INSERT INTO orders VALUES (1, 'ann', 'Main Street 1', 'open'), (2, 'ben', 'Oak Road 2', 'open')",
        "INSERT INTO order_lines VALUES (1, 1, 2), (1, 2, 1), (2, 3, 4)",
    ];
    shop.run(&request("ann", "r1"), &orders).await?;
    let before = state(shop).await?;
    // The lines go with their orders.
    shop.run(
        &request("bob", "r2"),
        &["DELETE FROM orders", "UPDATE products SET price = 0"],
    )
    .await?;
    let harm = state(shop).await?;
    anyhow::ensure!(harm == "0 orders, 0 lines, 0.0");

    undo(shop, "r2", "r3").await?;
    anyhow::ensure!(state(shop).await? == before);
    let undone = shop
        .trail()
        .page(&LogQuery::new().request("r3"), None)
        .await?;
    undone.events.iter().for_each(tell);
    anyhow::ensure!(undone.events.iter().all(|event| event.reverts.is_some()));

    // To redo, the undo is undone.
    undo(shop, "r3", "r4").await?;
    anyhow::ensure!(state(shop).await? == harm);
    Ok(())
}

/// Takes back what one request did, in another.
async fn undo(shop: &Shop, of: &str, by: &str) -> anyhow::Result<()> {
    let plan = shop.trail().plan_undo(&LogQuery::new().request(of)).await?;
    println!(
        "  {of}: {} records to put back, in the way: {}",
        plan.steps().len(),
        !plan.is_clear()
    );
    let work = async {
        let mut transaction = audit_sqlx::begin(&shop.pool).await?;
        plan.apply(&mut audit_sqlx::writer(&mut *transaction))
            .await?;
        Ok(transaction.commit().await?)
    };
    request("olga", by)
        .with_reason("a mistake")
        .scope(work)
        .await
}

async fn state(shop: &Shop) -> anyhow::Result<String> {
    shop.text(
        "SELECT (SELECT count(*) FROM orders) || ' orders, ' || (SELECT count(*) FROM order_lines) \
         || ' lines, ' || (SELECT sum(price) FROM products)",
    )
    .await
}
