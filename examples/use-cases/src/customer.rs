//! Two companies share the shop. Each may see what was done in its name, and nothing of the other.

use audit_core::Actor;
use audit_store::{LogQuery, StoreError, TenantLog};

use crate::shop::{Shop, request, tell};

pub(crate) async fn play(shop: &Shop) -> anyhow::Result<()> {
    for (tenant, id) in [("acme", 1), ("globex", 2), ("acme", 3)] {
        let actor = Actor::user(format!("{tenant}'s buyer")).with_tenant_id(tenant);
        let order = format!("INSERT INTO orders VALUES ({id}, '{tenant}', 'their street', 'open')");
        let context = request("", &format!("r{id}")).with_actor(actor);
        shop.run(&context, &[&order]).await?;
    }

    // What a handler for customers gets has no way to the trail of another.
    let mut acme: TenantLog<_> = shop.trail().tenant("acme");
    let all = acme.page(&LogQuery::new(), None).await?.events;
    all.iter().for_each(tell);
    anyhow::ensure!(all.len() == 2);
    anyhow::ensure!(
        all.iter()
            .all(|event| event.tenant_id.as_deref() == Some("acme"))
    );

    let others = acme.page(&LogQuery::new().tenant("globex"), None).await?;
    anyhow::ensure!(others.events.is_empty());

    // Nor does a cursor lead there.
    let mut globex = shop.trail().tenant("globex");
    let one = LogQuery::new().limit(1);
    let cursor = acme.page(&one, None).await?.next;
    let taken = globex.page(&one, cursor.as_deref()).await;
    anyhow::ensure!(matches!(taken, Err(StoreError::Cursor(_))));
    println!("  a cursor of acme is refused to globex");
    Ok(())
}
