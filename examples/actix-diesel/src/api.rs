//! The API: the query builder, a batch insert, an upsert, a transaction and raw SQL of Diesel.
//! Compiled once for each database.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path, ServiceConfig, resource};
use audit_core::{Event, Severity, context, record_id};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use story::Refusal;
use story::contract::{
    self, Added, Invoice, Line, MOST_LINES, NewName, NewPassword, Reminded, User,
};

use super::models::{NewLine, NewUser, SavedInvoice};
use super::schema::{invoice_lines, invoices, users};
use super::server::Database;
use super::{Connection, SAME_INVOICE, insert_user, trail};
use crate::api_error::Result;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/users").get(list_users).post(add_user))
        .service(resource("/users/{id}/name").put(rename_user))
        .service(resource("/users/{id}/password").put(change_password))
        .service(resource("/users/tidy").post(tidy_users))
        .service(resource("/invoices/{org}").delete(delete_invoices))
        .service(resource("/invoices/{org}/remind").post(remind))
        .service(
            resource("/invoices/{org}/{number}")
                .post(add_invoice)
                .put(save_invoice),
        )
        .service(resource("/invoices/{org}/{number}/lines").post(add_lines))
        .service(resource("/invoices/{org}/{number}/approve").post(approve))
        .service(trail::routes());
}

async fn list_users(database: Data<Database>) -> Result<Json<Vec<User>>> {
    let users = database.run(|connection, _| {
        let columns = (users::id, users::name, users::email);
        let users = users::table.order(users::id).select(columns);
        Ok(users.load::<(i64, String, String)>(connection)?)
    });
    let users = users.await?;
    Ok(Json(users.into_iter().map(User::from).collect()))
}

async fn add_user(
    database: Data<Database>,
    Json(user): Json<contract::NewUser>,
) -> Result<HttpResponse> {
    let user = NewUser::from(user);
    let id = database.run(move |connection, _| Ok(insert_user(connection, &user)?));
    let id = id.await?;
    Ok(HttpResponse::Created().json(Added { id }))
}

async fn rename_user(
    database: Data<Database>,
    id: Path<i64>,
    Json(user): Json<NewName>,
) -> Result<HttpResponse> {
    let done = database.run(move |connection, _| {
        let user = diesel::update(users::table.find(*id)).set(users::name.eq(user.name));
        Ok(user.execute(connection)?)
    });
    found(done.await?)
}

async fn change_password(
    database: Data<Database>,
    id: Path<i64>,
    Json(user): Json<NewPassword>,
) -> Result<HttpResponse> {
    let done = database.run(move |connection, _| {
        let user = diesel::update(users::table.find(*id)).set(users::password.eq(user.password));
        Ok(user.execute(connection)?)
    });
    found(done.await?)
}

/// Raw SQL over all rows; those that stay as they are make no event.
async fn tidy_users(database: Data<Database>) -> Result<HttpResponse> {
    let tidy = database.run(|connection, _| {
        Ok(connection.batch_execute("UPDATE users SET email = lower(email)")?)
    });
    context::with_reason("one spelling for each address", tidy).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn add_invoice(
    database: Data<Database>,
    key: Path<(String, i64)>,
    Json(invoice): Json<Invoice>,
) -> Result<HttpResponse> {
    let done = database.run(move |connection, audit| {
        audit_diesel::transaction(connection, audit, |connection| {
            diesel::insert_into(invoices::table)
                .values(&saved(&key, &invoice)?)
                .execute(connection)?;
            insert_lines(connection, &key, &invoice.lines)
        })
    });
    done.await?;
    Ok(HttpResponse::Created().finish())
}

/// An upsert.
async fn save_invoice(
    database: Data<Database>,
    key: Path<(String, i64)>,
    Json(invoice): Json<Invoice>,
) -> Result<HttpResponse> {
    let done = database.run(move |connection, _| {
        let invoice = saved(&key, &invoice)?;
        diesel::insert_into(invoices::table)
            .values(&invoice)
            .on_conflict(SAME_INVOICE)
            .do_update()
            .set(&invoice)
            .execute(connection)?;
        Ok(())
    });
    done.await?;
    Ok(HttpResponse::NoContent().finish())
}

fn saved((org, number): &(String, i64), invoice: &Invoice) -> Result<SavedInvoice> {
    Ok(SavedInvoice {
        org: org.clone(),
        number: *number,
        total: invoice.total()?,
        details: invoice.details.clone(),
    })
}

/// Writes first and counts then: one line too many takes all of them back.
async fn add_lines(
    database: Data<Database>,
    key: Path<(String, i64)>,
    Json(lines): Json<Vec<Line>>,
) -> Result<HttpResponse> {
    let done = database.run(move |connection, audit| {
        audit_diesel::transaction(connection, audit, |connection| {
            insert_lines(connection, &key, &lines)?;
            let (org, number) = &*key;
            let count: i64 = invoice_lines::table
                .filter(invoice_lines::org.eq(org))
                .filter(invoice_lines::number.eq(number))
                .count()
                .get_result(connection)?;
            match count > i64::from(MOST_LINES) {
                true => Err(Refusal::TooManyLines.into()),
                false => Ok(()),
            }
        })
    });
    done.await?;
    Ok(HttpResponse::Created().finish())
}

/// One statement, many rows: each is an event.
fn insert_lines(
    connection: &mut Connection,
    (org, number): &(String, i64),
    lines: &[Line],
) -> Result<()> {
    let lines = lines.iter().map(|line| NewLine {
        org,
        number: *number,
        line_no: line.line_no,
        item: &line.item,
        quantity: line.quantity,
    });
    diesel::insert_into(invoice_lines::table)
        .values(&lines.collect::<Vec<_>>())
        .execute(connection)?;
    Ok(())
}

/// One statement, many rows: each is an event.
async fn remind(database: Data<Database>, org: Path<String>) -> Result<Json<Reminded>> {
    let done = database.run(move |connection, _| {
        let open = invoices::table
            .filter(invoices::org.eq(&*org))
            .filter(invoices::status.eq("open"));
        let reminded = diesel::update(open).set(invoices::status.eq("reminded"));
        Ok(reminded.execute(connection)? as u64)
    });
    let reminded = done.await?;
    Ok(Json(Reminded { reminded }))
}

/// The change of the row records itself; what it means is recorded beside it.
async fn approve(database: Data<Database>, key: Path<(String, i64)>) -> Result<HttpResponse> {
    let done = database.run(move |connection, audit| {
        audit_diesel::transaction(connection, audit, |connection| {
            let (org, number) = &*key;
            let done = diesel::update(invoices::table.find((org, number)))
                .set(invoices::status.eq("approved"))
                .execute(connection)?;
            Refusal::unless(done > 0)?;
            let event = Event::custom("invoice.approved")
                .record("invoices", record_id([org.clone(), number.to_string()]))
                .label("Invoice approved")
                .severity(Severity::High);
            audit_diesel::record(connection, event)?;
            Ok(())
        })
    });
    done.await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The lines go with their invoices, by the foreign key; each is an event.
async fn delete_invoices(database: Data<Database>, org: Path<String>) -> Result<HttpResponse> {
    let done = database.run(move |connection, _| {
        let invoices = invoices::table.filter(invoices::org.eq(&*org));
        Ok(diesel::delete(invoices).execute(connection)?)
    });
    found(done.await?)
}

fn found(rows: usize) -> Result<HttpResponse> {
    Refusal::unless(rows > 0)?;
    Ok(HttpResponse::NoContent().finish())
}
