//! One database of one variant: its tables, its pools, and the calls on it.

use std::collections::HashMap;
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use audit_core::{Audit, AuditBuilder, Dialect, LogIndex, Snapshot, TableRule};
use sqlx::pool::PoolOptions;

use crate::adapter::{Adapter, Client, Opening, Pool};
use crate::caller::{Caller, ENVIRONMENT, SERVICE, STAMP};
use crate::engine::{Bind, Call, Engine};
use crate::op::Op;
use crate::variant::Variant;

/// Rows that every task has for itself.
pub(crate) const ROWS: u64 = 1000;
/// The distance between the ids of two tasks.
pub(crate) const SPAN: u64 = 1_000_000;
/// Tables that are not audited.
const EXCLUDED: [&str; 2] = ["seed", "sessions"];

/// One database.
pub(crate) struct Site<DB: Engine> {
    pub(crate) variant: Variant,
    /// The library of the pools that are opened next.
    adapter: Adapter,
    /// The major version of the server.
    pub(crate) version: u32,
    pub(crate) admin: sqlx::Pool<DB>,
    pub(crate) name: String,
    url: String,
    pools: HashMap<u32, Pool>,
}

/// One call, as a number that no other call of the run has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) op: Op,
    pub(crate) task: u64,
    /// The number of the call on its task.
    pub(crate) number: u64,
    /// The number of the call within its slice.
    pub(crate) index: u64,
    /// The major version of the server.
    pub(crate) version: u32,
}

impl<DB: Engine> Site<DB> {
    /// Makes the database of a variant.
    pub(crate) async fn create(server: &str, variant: Variant, version: u32) -> Result<Self> {
        let name = format!("bench_{}", variant.name().replace('-', "_"));
        let url = DB::create(server, &name).await?;
        let admin = DB::admin(&url).await?;
        DB::script(&admin, DB::SCHEMA.to_owned()).await?;
        let site = Self {
            variant,
            adapter: Adapter::Sqlx,
            version,
            admin,
            name,
            url,
            pools: HashMap::new(),
        };
        site.install().await?;
        Ok(site)
    }

    async fn install(&self) -> Result<()> {
        if self.variant.is_attached() {
            let options = PoolOptions::<DB>::new().max_connections(1);
            let pool = audit_sqlx::attach(options, &audit(self.variant)?)
                .connect_with(DB::options(&self.url, None)?)
                .await?;
            let report = DB::migrate(&pool, &audit(self.variant)?, self.variant).await?;
            if report.has_gaps() {
                bail!("changes would go unrecorded: {:?}", report.findings());
            }
            pool.close().await;
            if self.variant == Variant::Unindexed {
                DB::script(&self.admin, DB::DROP_INDEX.to_owned()).await?;
            }
            return Ok(());
        }
        if self.variant.has_log() {
            for step in audit_migrations::steps(DB::KIND) {
                DB::script(&self.admin, step.up.to_owned()).await?;
            }
        }
        let hand = DB::hand_schema(self.variant);
        if !hand.is_empty() {
            DB::script(&self.admin, hand).await?;
        }
        Ok(())
    }

    /// Removes the database.
    pub(crate) async fn remove(mut self, server: &str) -> Result<()> {
        self.close_pools().await;
        self.admin.close().await;
        DB::drop_database(server, &self.name).await
    }

    /// Opens a pool; `through` is the address of a proxy.
    pub(crate) async fn open(&self, connections: u32, through: Option<SocketAddr>) -> Result<Pool> {
        let variant = self.variant;
        let attached = variant.is_attached().then(|| audit(variant));
        let opening = Opening {
            variant,
            audit: attached.transpose()?,
            url: self.url.clone(),
            through,
            connections,
            settings: DB::SETTINGS,
        };
        opening.open::<DB>(self.adapter).await
    }

    /// The pool of so many connections, opened at the first use.
    pub(crate) async fn pool(
        &mut self,
        connections: u32,
        through: Option<SocketAddr>,
    ) -> Result<Pool> {
        if let Some(pool) = self.pools.get(&connections) {
            return Ok(Pool::clone(pool));
        }
        let pool = self.open(connections, through).await?;
        self.pools.insert(connections, Pool::clone(&pool));
        Ok(pool)
    }

    /// Closes the pools; those that are opened next are of another library.
    pub(crate) async fn change_to(&mut self, adapter: Adapter) {
        self.close_pools().await;
        self.adapter = adapter;
    }

    /// Closes the pools; the next use opens others.
    pub(crate) async fn close_pools(&mut self) {
        for (_, pool) in self.pools.drain() {
            pool.close().await;
        }
    }

    /// Brings the rows to where the calls of a slice need them, and removes all events.
    pub(crate) async fn reset(&self, op: Op, tasks: u64, calls: u64) -> Result<()> {
        if op.moves_rows() || self.count("users").await? != tasks * ROWS {
            return self.refill(op, tasks, calls).await;
        }
        self.rest().await
    }

    /// As [`Site::reset`], with all rows as they were at first.
    pub(crate) async fn refill(&self, op: Op, tasks: u64, calls: u64) -> Result<()> {
        let extra = if op == Op::Delete {
            calls.div_ceil(ROWS)
        } else {
            0
        };
        self.fill(tasks, 1 + extra).await?;
        self.rest().await
    }

    async fn rest(&self) -> Result<()> {
        if self.variant.has_log() {
            DB::clear_log(&self.admin, self.variant).await?;
        }
        DB::settle(&self.admin).await
    }

    async fn fill(&self, tasks: u64, blocks: u64) -> Result<()> {
        let empty = match DB::KIND {
            Dialect::Sqlite => "DELETE FROM",
            _ => "TRUNCATE TABLE",
        };
        DB::script(&self.admin, format!("{empty} users; {empty} sessions")).await?;
        for task in 0..tasks {
            DB::execute(
                &self.admin,
                Call {
                    sql: "INSERT INTO sessions SELECT n, 0 FROM seed WHERE n <= 100 AND NOT EXISTS \
                          (SELECT 1 FROM sessions)",
                    binds: Vec::new(),
                },
            )
            .await?;
            for block in 0..blocks {
                self.fill_block(task * SPAN + block * ROWS).await?;
            }
        }
        Ok(())
    }

    async fn fill_block(&self, before: u64) -> Result<()> {
        let before = signed(before);
        let call = Call {
            sql: DB::STATEMENTS.insert1000,
            binds: vec![Bind::Integer(before), Bind::Integer(before)],
        };
        DB::execute(&self.admin, call).await?;
        Ok(())
    }

    /// The number of rows of a table.
    pub(crate) async fn count(&self, table: &str) -> Result<u64> {
        let sql = format!("SELECT {} FROM {table}", DB::as_text("count(*)"));
        let rows = DB::read_texts(&self.admin, sql).await?;
        let text = rows.into_iter().flatten().flatten().next();
        Ok(text.unwrap_or_default().parse()?)
    }
}

/// The rules of the audited application.
fn audit(variant: Variant) -> Result<Audit> {
    let mut builder = Audit::builder().service(SERVICE).environment(ENVIRONMENT);
    if variant == Variant::Changed {
        builder = builder.table(TableRule::new("users").snapshot(Snapshot::Changed));
    }
    if variant == Variant::Indexed {
        let every = LogIndex::ALL.iter().copied();
        builder = every.fold(builder, AuditBuilder::index);
    }
    let builder = EXCLUDED
        .into_iter()
        .fold(builder, |builder, table| builder.exclude(table));
    Ok(builder.build()?)
}

pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Makes one call as an application would.
pub(crate) async fn call<DB: Engine>(
    client: &dyn Client,
    variant: Variant,
    turn: Turn,
) -> Result<()> {
    let caller = Caller(turn.task * SPAN + turn.number);
    if variant.is_attached() {
        return caller
            .context()
            .scope(work::<DB>(client, variant, turn))
            .await;
    }
    if variant.has_hand_hooks() {
        let stamp = DB::hand_text(variant, caller);
        return STAMP.scope(stamp, work::<DB>(client, variant, turn)).await;
    }
    work::<DB>(client, variant, turn).await
}

async fn work<DB: Engine>(client: &dyn Client, variant: Variant, turn: Turn) -> Result<()> {
    match turn.op {
        Op::Tx10 => {
            let step = |step| Turn {
                number: turn.number * 10 + step,
                ..turn
            };
            let calls = (0..10).map(|number| one::<DB>(variant, step(number)));
            let calls = calls.collect::<Result<_>>()?;
            client.transaction(calls).await?;
        }
        Op::Select => {
            client.fetch(one::<DB>(variant, turn)?).await?;
        }
        _ => {
            let rows = client.execute(one::<DB>(variant, turn)?).await?;
            let expected = if turn.op.is_bulk() { ROWS } else { 1 };
            if rows != expected {
                bail!("{} changed {rows} rows, not {expected}", turn.op.name());
            }
        }
    }
    Ok(())
}

/// The statement of a call and its values.
fn one<DB: Engine>(variant: Variant, turn: Turn) -> Result<Call> {
    let first = turn.task * SPAN;
    let key = Bind::Integer(signed(first + 1 + turn.number % ROWS));
    let statements = DB::STATEMENTS;
    let (sql, mut binds) = match turn.op {
        Op::Insert => {
            let id = signed(first + ROWS + 1 + turn.index);
            let email = Bind::Text(format!("new{id}@example.com"));
            let name = Bind::Text(format!("New {id}"));
            (statements.insert, vec![Bind::Integer(id), email, name])
        }
        Op::Update | Op::Tx10 => {
            let name = Bind::Text(format!("Name {}", turn.number));
            (statements.update, vec![name, key])
        }
        Op::Delete => {
            let id = signed(first + ROWS + 1 + turn.index);
            (statements.delete, vec![Bind::Integer(id)])
        }
        Op::Update1000 => {
            let last = signed(first + ROWS);
            (
                statements.update1000,
                vec![Bind::Integer(signed(first + 1)), Bind::Integer(last)],
            )
        }
        Op::Insert1000 => {
            let before = signed(first + ROWS * (1 + turn.index));
            (
                statements.insert1000,
                vec![Bind::Integer(before), Bind::Integer(before)],
            )
        }
        Op::Select => (statements.select, vec![key]),
        Op::Unaudited => {
            let id = signed(1 + turn.task * 12 + turn.number % 12);
            (statements.unaudited, vec![Bind::Integer(id)])
        }
    };
    if variant != Variant::Floor {
        return Ok(Call { sql, binds });
    }
    let sql = DB::floor(turn.op, turn.version).context("no statement writes both here")?;
    let caller = Caller(turn.task * SPAN + turn.number);
    binds.extend(caller.binds().map(Bind::Text));
    Ok(Call { sql, binds })
}
