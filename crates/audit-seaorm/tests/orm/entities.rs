//! The entities of a small shop: keys that the database makes, composite keys, an enum, a value of
//! each type, one to many and many to many.
#![expect(unreachable_pub, reason = "the derives expect public items")]

pub mod customer {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "tier")]
    pub enum Tier {
        #[sea_orm(string_value = "basic")]
        Basic,
        #[sea_orm(string_value = "gold")]
        Gold,
    }

    /// Kept as a number.
    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "i32", db_type = "Integer")]
    pub enum Risk {
        #[sea_orm(num_value = 1)]
        Low,
        #[sea_orm(num_value = 9)]
        High,
    }

    /// The tags of a customer, by the table between.
    #[derive(Debug)]
    pub struct ToTags;

    impl Linked for ToTags {
        type FromEntity = Entity;
        type ToEntity = super::tag::Entity;

        fn link(&self) -> Vec<sea_orm::LinkDef> {
            vec![
                super::customer_tag::Relation::Customer.def().rev(),
                super::customer_tag::Relation::Tag.def(),
            ]
        }
    }

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "customer")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        #[sea_orm(unique)]
        pub email: String,
        pub tier: Tier,
        pub risk: Option<Risk>,
        pub token: Option<Uuid>,
        #[sea_orm(column_type = "Decimal(Some((20, 4)))")]
        pub balance: Decimal,
        #[sea_orm(column_type = "JsonBinary", nullable)]
        pub settings: Option<Json>,
        pub seen_at: Option<DateTimeUtc>,
        pub born_on: Option<Date>,
        #[sea_orm(column_type = "VarBinary(StringLen::N(200))", nullable)]
        pub picture: Option<Vec<u8>>,
        pub score: Option<f64>,
        pub is_open: bool,
        #[sea_orm(has_many)]
        pub purchases: HasMany<super::purchase::Entity>,
        #[sea_orm(has_many, via = "customer_tag")]
        pub tags: HasMany<super::tag::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod purchase {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "purchase")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub customer_id: i64,
        pub what: String,
        #[sea_orm(belongs_to, from = "customer_id", to = "id", on_delete = "Cascade")]
        pub customer: BelongsTo<super::customer::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod line {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "line")]
    pub struct Model {
        #[sea_orm(
            primary_key,
            auto_increment = false,
            column_type = "String(StringLen::N(20))"
        )]
        pub org: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        pub item: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod tag {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "tag")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        #[sea_orm(has_many, via = "customer_tag")]
        pub customers: HasMany<super::customer::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod customer_tag {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "customer_tag")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub customer_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub tag_id: i64,
        #[sea_orm(belongs_to, from = "customer_id", to = "id", on_delete = "Cascade")]
        pub customer: BelongsTo<super::customer::Entity>,
        #[sea_orm(belongs_to, from = "tag_id", to = "id", on_delete = "Cascade")]
        pub tag: BelongsTo<super::tag::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
