//! The lines of invoices; they go with them.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "invoice_lines")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub org: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub line_no: i64,
    pub item: String,
    pub quantity: i64,
    #[sea_orm(
        belongs_to,
        from = "(org, number)",
        to = "(org, number)",
        on_delete = "Cascade"
    )]
    pub invoice: BelongsTo<super::invoices::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
