//! A test changes a database of many rows. Instead of making it anew, it goes back to where the test
//! began, and forward again to look at a failure.

use anyhow::Context as _;
use audit_store::{LogQuery, Trail};

use crate::shop::{Shop, request};

pub(crate) async fn play(shop: &Shop) -> anyhow::Result<()> {
    let mut trail = shop.trail();
    let newest = trail
        .page(&LogQuery::new().limit(1), None)
        .await?
        .events
        .pop();
    let begin = newest.context("nothing was recorded")?.position();
    let fresh = state(shop).await?;

    // The test.
    let work = [
        "INSERT INTO orders VALUES (1, 'ann', 'Main Street 1', 'open')",
        "INSERT INTO order_lines VALUES (1, 1, 2), (1, 2, 1)",
        "UPDATE products SET name = upper(name)",
        "UPDATE orders SET id = 5",
        "DELETE FROM products WHERE id = 3",
    ];
    shop.run(&request("test", "the test"), &work[..3]).await?;
    shop.run(
        &request("test", "the test"),
        &["DELETE FROM order_lines", work[3], work[4]],
    )
    .await?;
    let after = state(shop).await?;
    anyhow::ensure!(after != fresh);

    let plan = trail.plan_return_to(begin).await?;
    apply(shop, &plan, "back").await?;
    println!("  back:    {}", state(shop).await?);
    anyhow::ensure!(state(shop).await? == fresh);

    let plan = Trail::of(audit_sqlx::log(&shop.pool))
        .plan_undo(&LogQuery::new().request("back"))
        .await?;
    apply(shop, &plan, "forward").await?;
    println!("  forward: {}", state(shop).await?);
    anyhow::ensure!(state(shop).await? == after);
    Ok(())
}

async fn apply(shop: &Shop, plan: &audit_store::UndoPlan, name: &str) -> anyhow::Result<()> {
    let work = async {
        let mut transaction = audit_sqlx::begin(&shop.pool).await?;
        plan.apply(&mut audit_sqlx::writer(&mut *transaction))
            .await?;
        Ok(transaction.commit().await?)
    };
    request("test", name).scope(work).await
}

/// All rows of all tables.
async fn state(shop: &Shop) -> anyhow::Result<String> {
    shop.text(
        "SELECT coalesce((SELECT group_concat(o.id || o.customer || o.status) FROM orders AS o), '-') \
         || ' ' || coalesce((SELECT group_concat(l.order_id || '/' || l.product_id) \
            FROM order_lines AS l), '-') \
         || ' ' || (SELECT group_concat(p.id || p.name) FROM products AS p)",
    )
    .await
}
