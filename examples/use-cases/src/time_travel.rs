//! What did an order, and the list of prices, look like before the sale?

use anyhow::Context as _;
use audit_store::{LogQuery, State};

use crate::shop::{Shop, request};

pub(crate) async fn play(shop: &Shop) -> anyhow::Result<()> {
    let order = "INSERT INTO orders VALUES (1, 'ann', 'Main Street 1', 'open')";
    shop.run(&request("ann", "r1"), &[order]).await?;
    let mut trail = shop.trail();
    let newest = trail
        .page(&LogQuery::new().limit(1), None)
        .await?
        .events
        .pop();
    let before_the_sale = newest.context("nothing was recorded")?.occurred_at;

    let sale = [
        "UPDATE products SET price = price / 2",
        "DELETE FROM products WHERE name = 'chair'",
        "INSERT INTO products VALUES (4, 'shelf', 60.0)",
        "UPDATE orders SET status = 'paid'",
    ];
    for sql in sale {
        shop.run(&request("bob", "r2"), &[sql]).await?;
    }

    let orders = LogQuery::new().table("orders");
    let was = trail.as_of(&orders, "1", before_the_sale).await?;
    anyhow::ensure!(was.gaps.is_empty());
    let State::Present(fields) = was.state else {
        anyhow::bail!("the order was there");
    };
    let status = fields.iter().find(|(field, _)| field == "status");
    anyhow::ensure!(status.is_some_and(|(_, value)| value.as_str() == "\"open\""));

    let products = LogQuery::new().table("products");
    let mut list = trail.table_as_of(&products, before_the_sale);
    let mut told = Vec::new();
    while let Some((key, was)) = list.next().await? {
        let State::Present(fields) = was.state else {
            continue;
        };
        let fields: Vec<String> = fields
            .iter()
            .map(|(field, value)| format!("{field} {}", value.as_str()))
            .collect();
        println!("  product {key}: {}", fields.join(", "));
        told.push(fields.join(", "));
    }
    anyhow::ensure!(
        told == [
            "id 1, name \"lamp\", price 20.0",
            "id 2, name \"desk\", price 150.0",
            "id 3, name \"chair\", price 80.0",
        ]
    );
    Ok(())
}
