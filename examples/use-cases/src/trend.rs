//! How did a price develop, though its column has another name by now?

use anyhow::Context as _;
use audit_store::{LogQuery, TypedValue};

use crate::shop::{Shop, request};

pub(crate) async fn play(shop: &Shop) -> anyhow::Result<()> {
    let lamp = |price: f64| format!("UPDATE products SET price = {price:?} WHERE name = 'lamp'");
    shop.run(&request("bob", "r1"), &[&lamp(22.5)]).await?;
    shop.run(&request("bob", "r2"), &[&lamp(25.0)]).await?;
    // A name alone is no change of the price.
    let renamed = "UPDATE products SET name = 'lamp, green' WHERE name = 'lamp'";
    shop.run(&request("bob", "r3"), &[renamed]).await?;
    sqlx::raw_sql("ALTER TABLE products RENAME COLUMN price TO net_price")
        .execute(&shop.pool)
        .await?;
    let audit = audit_core::Audit::builder().service("shop").build()?;
    audit_sqlx::migrate(&shop.pool, &audit).await?;
    let cheap = "UPDATE products SET net_price = 19.9 WHERE id = 1";
    shop.run(&request("bob", "r4"), &[cheap]).await?;

    let mut trail = shop.trail();
    let shapes = trail
        .shapes("products")
        .await?
        .renamed("price", "net_price");
    let of_lamp = LogQuery::new().table("products").record("1").oldest_first();
    let mut trend = Vec::new();
    let mut pages = trail.pages(&of_lamp);
    while let Some(events) = pages.next().await? {
        for event in events {
            let image = shapes.after(&event).context("the product was deleted")?;
            let Some(TypedValue::Real(price)) = image.get("net_price") else {
                anyhow::bail!("an image has no price");
            };
            if trend.last() != Some(price) {
                println!("  {}  {price:>6.2}", event.occurred_at.format("%T%.3f"));
                trend.push(*price);
            }
        }
    }
    anyhow::ensure!(trend == [20.0, 22.5, 25.0, 19.9]);
    Ok(())
}
