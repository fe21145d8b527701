//! The index that each shape of query takes, and the warning where it is not there.

use audit_core::query::LogQuery;
use audit_core::{Actor, Audit, AuditContext, LogIndex};
use audit_testkit::{Explain, Raw, Server};
use chrono::Utc;

use super::world::{Db, World};

/// Events of many records, requests, actors, actions and tenants.
async fn write<DB: Db>(world: &World<DB>) {
    let mut id = 0;
    for request in 0..60 {
        let actor = Actor::user(format!("user-{}", request % 30));
        let context = AuditContext::new()
            .with_actor(actor.with_tenant_id(format!("tenant-{}", request % 20)))
            .with_request_id(format!("request-{request}"))
            .with_action(format!("action-{}", request % 30));
        let rows: Vec<String> = (0..50)
            .map(|_| {
                id += 1;
                format!("({id}, 'x')")
            })
            .collect();
        let insert = format!("INSERT INTO users (id, name) VALUES {}", rows.join(", "));
        let work = async {
            let mut connection = world.pool.acquire().await.unwrap();
            DB::execute_text(&mut connection, &insert).await.unwrap();
        };
        context.scope(work).await;
    }
}

pub(crate) async fn plan(raw: &mut Raw, server: Server, query: &LogQuery) -> String {
    let explain = Explain::of(server.dialect());
    let query = query.to_sql(server.dialect(), Utc::now()).unwrap();
    let rows = raw.texts(&explain.statement(&query)).await;
    explain.plan(&rows).join("\n")
}

/// The shapes of the README's table, with the index that leads to their events.
fn shapes(transaction: &str) -> [(LogQuery, LogIndex); 6] {
    let query = LogQuery::new;
    [
        (query().transaction(transaction), LogIndex::Transaction),
        (query().request("request-7"), LogIndex::Request),
        (query().actor("user-7").table("users"), LogIndex::Actor),
        (query().action("action-7").table("users"), LogIndex::Action),
        (query().tenant("tenant-7").since("1d"), LogIndex::Tenant),
        (
            query().tenant("tenant-7").request("request-7"),
            LogIndex::Request,
        ),
    ]
}

pub(crate) async fn each_shape_of_query_takes_the_index_that_is_named<DB: Db>(server: Server) {
    let audit = LogIndex::ALL
        .iter()
        .fold(Audit::builder(), |audit, index| audit.index(*index))
        .build()
        .unwrap();
    let mut indexed = World::<DB>::with(server, &audit).await;
    let mut plain = World::<DB>::new(server).await;
    for world in [&mut indexed, &mut plain] {
        write(world).await;
        world.raw.run(Explain::of(server.dialect()).analyze).await;
    }
    let events = indexed.events().await;
    let transaction = events[0].transaction_id.clone().unwrap();
    for (query, index) in shapes(&transaction) {
        let taken = plan(&mut indexed.raw, server, &query).await;
        assert!(taken.contains(&index.name()), "{query:?}: {taken}");
        let found = indexed.trail().page(&query, None).await.unwrap();
        assert!(!found.events.is_empty(), "{query:?}");
        assert_eq!(found.missing_index, None);

        let taken = plan(&mut plain.raw, server, &query).await;
        assert!(!taken.contains(&index.name()), "{query:?}: {taken}");
        let mut trail = plain.trail();
        let missing = trail.page(&query, None).await.unwrap().missing_index;
        let missing = missing.unwrap();
        assert_eq!(missing.index, index);
        assert!(missing.to_string().contains(index.as_str()), "{missing}");
    }
    // What every log has an index for.
    let record = LogQuery::new().table("users").record("42").actor("user-0");
    let event = LogQuery::new().id(events[0].id);
    let [early, late] = [100, 200].map(|place: usize| events[place].position());
    let span = LogQuery::new()
        .since(early.occurred_at)
        .until(late.occurred_at);
    let behind = LogQuery::new().after(early);
    for (query, names) in [
        (
            record,
            ["audit_logs_record", "audit_logs_previous"].as_slice(),
        ),
        (event, &[primary_key(server)]),
        (span.clone().oldest_first(), &[primary_key(server)]),
        (span, &[primary_key(server)]),
        (behind.clone().oldest_first(), &[primary_key(server)]),
        (behind, &[primary_key(server)]),
    ] {
        let taken = plan(&mut plain.raw, server, &query).await;
        for name in names {
            assert!(taken.contains(name), "{query:?}: {taken}");
        }
        assert_eq!(plain.trail().missing_index(&query).await.unwrap(), None);
    }
}

fn primary_key(server: Server) -> &'static str {
    match server.dialect() {
        audit_core::Dialect::Postgres => "audit_logs_pkey",
        audit_core::Dialect::MySql => "PRIMARY",
        _ => "PRIMARY KEY",
    }
}

/// The statements of the README that make an index of trigrams.
fn trigrams() -> impl Iterator<Item = &'static str> {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```sql\n").unwrap();
    let (statements, _) = rest.split_once("```").unwrap();
    let statements = statements.split(';').map(str::trim);
    statements.filter(|statement| !statement.is_empty())
}

/// A search takes an index that an operator made, and gives what it gave without.
pub(crate) async fn a_search_takes_an_index_of_trigrams<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    write(&world).await;
    let insert = "INSERT INTO users (id, name) VALUES (9001, 'a needle'), (9002, 'NEEDLES')";
    world.run_as("ann", &[insert]).await;
    let query = LogQuery::new().search("Needle");
    let found = world.trail().page(&query, None).await.unwrap().events;
    assert_eq!(found.len(), 2);
    let before = audit_sqlx::check(&world.pool).await.unwrap();
    for statement in trigrams() {
        world.raw.run(statement).await;
    }
    // An index that is not ours stays.
    let audit = Audit::builder().build().unwrap();
    audit_sqlx::migrate(&world.pool, &audit).await.unwrap();
    let report = audit_sqlx::check(&world.pool).await.unwrap();
    assert_eq!(report.findings(), before.findings());
    world.raw.run(Explain::of(server.dialect()).analyze).await;
    // So few events are read sooner than an index.
    world.raw.run("SET enable_seqscan = off").await;
    let taken = plan(&mut world.raw, server, &query).await;
    let scans = taken.matches("Bitmap Index Scan on audit_logs_label");
    assert_eq!(scans.count(), 5, "{taken}");
    let again = world.trail().page(&query, None).await.unwrap().events;
    assert_eq!(again, found);
}
