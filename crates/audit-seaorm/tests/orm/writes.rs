//! Each way to write, with its effects proved by full reads before and after.

use audit_testkit::in_words;
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue, DbBackend, DbErr, ExprTrait, IntoActiveModel, QuerySelect, Set, Statement,
};

use crate::entities::{customer, customer_tag, line as lines, purchase, tag};
use crate::shop::{Sea, Shop, customer, line};

pub(crate) async fn a_model_is_inserted_updated_saved_and_deleted<A>(shop: Shop<A>)
where
    A: Sea,
{
    let events = shop
        .events(async |db| {
            let mut model = customer("a@x").insert(db).await?.into_active_model();
            model.tier = Set(customer::Tier::Gold);
            let mut model = model.update(db).await?.into_active_model();
            model.email = Set("b@x".to_owned());
            let model = model.save(db).await?;
            let saved = customer("c@x").save(db).await?;
            saved.delete(db).await?;
            model.try_into_model_or_panic().delete(db).await?;
            Ok(())
        })
        .await;
    let words: Vec<_> = events
        .iter()
        .map(|event| event.operation.as_str())
        .collect();
    assert_eq!(
        words,
        ["INSERT", "UPDATE", "UPDATE", "INSERT", "DELETE", "DELETE"],
        "{}",
        in_words(&events)
    );
    assert_eq!(events[1].changed_fields, Some(vec!["tier".to_owned()]));
    assert_eq!(events[2].changed_fields, Some(vec!["email".to_owned()]));
    assert_eq!(events[0].record_id, events[5].record_id);
}

/// What is saved has all its values.
trait IntoModel {
    fn try_into_model_or_panic(self) -> customer::Model;
}

impl IntoModel for customer::ActiveModel {
    fn try_into_model_or_panic(self) -> customer::Model {
        sea_orm::TryIntoModel::try_into_model(self).unwrap()
    }
}

pub(crate) async fn many_are_inserted_updated_and_deleted<A>(shop: Shop<A>)
where
    A: Sea,
{
    let words = shop
        .prove(async |db| {
            let many = [customer("a@x"), customer("b@x"), customer("c@x")];
            customer::Entity::insert_many(many).exec(db).await?;
            let updated = customer::Entity::update_many()
                .col_expr(customer::Column::IsOpen, Expr::value(false))
                .filter(customer::Column::Email.ne("a@x"))
                .exec(db)
                .await?;
            assert_eq!(updated.rows_affected, 2);
            let deleted = customer::Entity::delete_many().exec(db).await?;
            assert_eq!(deleted.rows_affected, 3);
            Ok(())
        })
        .await;
    let expected = [
        ["INSERT customer"; 3].as_slice(),
        &["UPDATE customer"; 2],
        &["DELETE customer"; 3],
    ];
    assert_eq!(words, expected.concat());
}

pub(crate) async fn what_is_returned_is_recorded_once<A>(shop: Shop<A>)
where
    A: Sea,
{
    let returns = shop.get_database_backend().support_returning();
    let words = shop
        .prove(async |db| {
            let one = customer::Entity::insert(customer("a@x"));
            assert_eq!(one.exec_with_returning(db).await?.email, "a@x");
            let update = customer::Entity::update_many()
                .col_expr(customer::Column::IsOpen, Expr::value(false));
            let many = customer::Entity::insert_many([customer("b@x"), customer("c@x")]);
            if !returns {
                // SeaORM refuses before it sends anything.
                let refused = update.exec_with_returning(db).await;
                assert!(matches!(refused, Err(DbErr::BackendNotSupported { .. })));
                let refused = many.exec_with_returning(db).await;
                assert!(matches!(refused, Err(DbErr::BackendNotSupported { .. })));
                return Ok(());
            }
            assert_eq!(many.exec_with_returning(db).await?.len(), 2);
            assert_eq!(update.exec_with_returning(db).await?.len(), 3);
            let deleted = customer::Entity::delete_many()
                .exec_with_returning(db)
                .await?;
            assert_eq!(deleted.len(), 3);
            Ok(())
        })
        .await;
    if returns {
        let expected = [
            ["INSERT customer"; 3],
            ["UPDATE customer"; 3],
            ["DELETE customer"; 3],
        ];
        assert_eq!(words, expected.concat());
    } else {
        assert_eq!(words, ["INSERT customer"]);
    }
}

pub(crate) async fn rows_are_deleted_by_their_id<A>(shop: Shop<A>)
where
    A: Sea,
{
    let words = shop
        .prove(async |db| {
            let first = customer("a@x").insert(db).await?;
            let second = customer("b@x").insert(db).await?;
            customer::Entity::delete_by_id(first.id).exec(db).await?;
            customer::Entity::delete_by_id(first.id).exec(db).await?;
            customer::Entity::delete(customer::ActiveModel {
                id: ActiveValue::Unchanged(second.id),
                ..Default::default()
            })
            .exec(db)
            .await?;
            Ok(())
        })
        .await;
    assert_eq!(
        words,
        [
            "INSERT customer",
            "INSERT customer",
            "DELETE customer",
            "DELETE customer"
        ]
    );
}

pub(crate) async fn conflicts_are_recorded_as_what_they_did<A>(shop: Shop<A>)
where
    A: Sea,
{
    let words = shop
        .prove(async |db| {
            let key = [lines::Column::Org, lines::Column::Number];
            lines::Entity::insert(line(1, "desk"))
                .exec_without_returning(db)
                .await?;
            let update = OnConflict::columns(key)
                .update_column(lines::Column::Item)
                .to_owned();
            lines::Entity::insert_many([line(1, "lamp"), line(2, "chair")])
                .on_conflict(update)
                .exec_without_returning(db)
                .await?;
            let nothing = OnConflict::columns(key)
                .do_nothing_on([lines::Column::Org])
                .to_owned();
            lines::Entity::insert(line(1, "sofa"))
                .on_conflict(nothing)
                .exec_without_returning(db)
                .await?;
            Ok(())
        })
        .await;
    assert_eq!(words, ["INSERT line", "UPDATE line", "INSERT line"]);
}

pub(crate) async fn composite_keys_are_recorded<A>(shop: Shop<A>)
where
    A: Sea,
{
    let events = shop
        .events(async |db| {
            let mut model = line(1, "desk").insert(db).await?.into_active_model();
            model.item = Set("lamp".to_owned());
            model.update(db).await?;
            let moved = Expr::col(lines::Column::Number).add(10);
            lines::Entity::update_many()
                .col_expr(lines::Column::Number, moved)
                .exec(db)
                .await?;
            lines::Entity::delete_by_id(("acme".to_owned(), 11))
                .exec(db)
                .await?;
            Ok(())
        })
        .await;
    let ids: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event.operation.as_str(),
                event.record_id.as_deref().unwrap(),
            )
        })
        .collect();
    let (first, moved) = (r#"["acme","1"]"#, r#"["acme","11"]"#);
    assert_eq!(
        ids,
        [
            ("INSERT", first),
            ("UPDATE", first),
            ("UPDATE", moved),
            ("DELETE", moved)
        ]
    );
    assert_eq!(events[2].previous_record_id.as_deref(), Some(first));
}

pub(crate) async fn every_type_of_value_is_recorded<A>(shop: Shop<A>)
where
    A: Sea,
{
    let events = shop
        .events(async |db| {
            let mut full = customer("a@x");
            full.token = Set(Some(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)));
            full.balance = Set("1234567890.1250".parse().unwrap());
            full.settings = Set(Some(
                serde_json::json!({"theme": "dark", "sizes": [1, 2.5, null], "o'hara": "\u{e9}\u{1f600}"}),
            ));
            full.seen_at = Set(Some("2026-11-24T10:11:12Z".parse().unwrap()));
            full.born_on = Set(Some("1999-12-31".parse().unwrap()));
            full.picture = Set(Some(vec![0, 255, 1, 0]));
            full.score = Set(Some(0.1));
            full.risk = Set(Some(customer::Risk::Low));
            let mut model = full.insert(db).await?.into_active_model();
            model.token = Set(None);
            model.settings = Set(None);
            model.picture = Set(None);
            model.score = Set(Some(-1.5e300));
            model.tier = Set(customer::Tier::Gold);
            model.risk = Set(Some(customer::Risk::High));
            model.update(db).await?;
            Ok(())
        })
        .await;
    let mut changed = events[1].changed_fields.clone().unwrap();
    changed.sort();
    let expected = ["picture", "risk", "score", "settings", "tier", "token"];
    assert_eq!(changed, expected);
    let risks = [&events[0].after_data, &events[1].after_data].map(|data| {
        let image = data.as_ref().unwrap().to_value();
        image["risk"].as_i64()
    });
    assert_eq!(risks, [Some(1), Some(9)]);
    let after = events[0].after_data.as_ref().unwrap().as_str();
    // SQLite has no decimals: SeaORM binds a double.
    let balance = shop
        .world
        .by("1234567890.1250", "1234567890.1250", "1234567890.125");
    assert!(after.contains(balance), "{after}");
}

pub(crate) async fn related_models_are_written_with_their_links<A>(shop: Shop<A>)
where
    A: Sea,
{
    let mut words = shop
        .prove(async |db| {
            let one = customer::ActiveModel::builder()
                .set_email("a@x")
                .set_tier(customer::Tier::Basic)
                .set_balance(Decimal::ONE)
                .set_is_open(true)
                .add_purchase(purchase::ActiveModel::builder().set_what("desk"))
                .add_purchase(purchase::ActiveModel::builder().set_what("lamp"))
                .add_tag(tag::ActiveModel::builder().set_name("new"));
            one.save(db).await?;
            Ok(())
        })
        .await;
    words.sort();
    let expected = [
        "INSERT customer",
        "INSERT customer_tag",
        "INSERT purchase",
        "INSERT purchase",
        "INSERT tag",
    ];
    assert_eq!(words, expected);

    let mut words = shop
        .prove(async |db| {
            let found = tag::Entity::find().one(db).await?.unwrap();
            let by_link = found.find_related(customer::Entity).one(db).await?.unwrap();
            let second = customer("b@x").insert(db).await?;
            let link = customer_tag::ActiveModel {
                customer_id: Set(second.id),
                tag_id: Set(found.id),
            };
            link.insert(db).await?;
            let linked = by_link.find_linked(customer::ToTags).one(db).await?;
            let mut linked = linked.unwrap().into_active_model();
            linked.name = Set("old".to_owned());
            linked.update(db).await?;
            // Takes the purchases and links with it, by foreign keys.
            by_link.delete(db).await?;
            Ok(())
        })
        .await;
    words.sort();
    let expected = [
        "DELETE customer",
        "DELETE customer_tag",
        "DELETE purchase",
        "DELETE purchase",
        "INSERT customer",
        "INSERT customer_tag",
        "UPDATE tag",
    ];
    assert_eq!(words, expected);
}

pub(crate) async fn statements_of_the_application_are_recorded<A>(shop: Shop<A>)
where
    A: Sea,
{
    let backend = shop.get_database_backend();
    let words = shop
        .prove(async |db| {
            let insert = match backend {
                DbBackend::Postgres => "INSERT INTO line VALUES ($1, $2, $3)",
                _ => "INSERT INTO line VALUES (?, ?, ?)",
            };
            let binds: [Value; 3] = ["acme".into(), 1.into(), "it's a 'desk'".into()];
            db.execute_raw(Statement::from_sql_and_values(backend, insert, binds))
                .await?;
            db.execute_unprepared(
                "UPDATE line SET item = 'lamp'; DELETE FROM line WHERE number = 2",
            )
            .await?;
            let built = sea_orm::sea_query::Query::delete()
                .from_table(lines::Entity)
                .to_owned();
            db.execute(&built).await?;
            Ok(())
        })
        .await;
    assert_eq!(words, ["INSERT line", "UPDATE line", "DELETE line"]);
}

pub(crate) async fn a_stream_is_read_and_its_connection_goes_back<A>(shop: Shop<A>)
where
    A: Sea,
{
    let words = shop
        .prove(async |db| {
            customer::Entity::insert_many([customer("a@x"), customer("b@x")])
                .exec(db)
                .await?;
            // Dropped with a row still to come, on the only connection of the pool.
            let mut stream = customer::Entity::find().limit(2).stream(db).await?;
            let first = std::future::poll_fn(|task| {
                futures_core::Stream::poll_next(std::pin::Pin::new(&mut stream), task)
            });
            assert!(first.await.is_some());
            drop(stream);
            customer::Entity::delete_many().exec(db).await?;
            Ok(())
        })
        .await;
    assert_eq!(words[2..], ["DELETE customer", "DELETE customer"]);
}
