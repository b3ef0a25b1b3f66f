//! What a promo code takes off an order, and holding it until the order is complete (SHP-2, SHP-3).

use edge::{Change, Edge, Failure, Platform};
use kv_schema::record::Stored;
use shared::{
    batch::Batch,
    checkout::{AskQuote, Order, PlaceOrder, Quote},
    decision::Counted,
    promo::{Coupon, Promo, PromoUse, RESERVATION, Sheet},
    refusal::Refusal,
    values::{Money, OrderId, SheetId},
};

/// What the order would cost with the code. Writes nothing (SHP-2).
pub(crate) async fn quote<P: Platform>(edge: &Edge<P>, wish: &AskQuote<'_>) -> Result<Quote, Failure> {
    let batch = edge.kv().get::<Batch>(&wish.promo.batch).await?.map(Stored::into_value);
    let sheet = edge.kv().get::<Sheet>(&wish.promo.sheet(batch.as_ref())).await?.map(Stored::into_value);
    let promo = Promo::met(wish.promo, batch.as_ref(), sheet.as_ref())?;
    Ok(Quote::of(&wish.cart, Some(&promo), wish.order, edge.now)?)
}

/// Holds the promo code for the order, once it is known to cover everything (SHP-3, SHP-5); what is left to pay, and the
/// code that the order uses. With a code 3 reads and 1 write, and 1 read for each lapsed hold on it.
pub(crate) async fn pay<P: Platform>(
    edge: &Edge<P>,
    command: &PlaceOrder<'_>,
) -> Result<(Money, Option<PromoUse>), Failure> {
    let Some(presented) = command.promo else {
        return Ok((Quote::of(&command.cart, None, command.order, edge.now)?.settled()?, None));
    };
    let batch = edge.kv().get::<Batch>(&presented.batch).await?.map(Stored::into_value);
    let id = presented.sheet(batch.as_ref());
    let stored = edge.kv().get::<Sheet>(&id).await?;
    let known = stored.as_ref().and_then(|stored| stored.value().coupon(presented.coupon));
    let ended = match known {
        Some(coupon) => look_at_lapsed(edge, id, coupon).await?,
        None => Vec::new(),
    };
    let (paid, _) = edge
        .transact::<Sheet, (Money, PromoUse)>(&id, Refusal::PromoNotUsable, |sheet, _| {
            let promo = Promo::met(presented, batch.as_ref(), Some(&sheet))?;
            let total = Quote::of(&command.cart, Some(&promo), command.order, edge.now)?.settled()?;
            let used = promo.used();
            let wish = promo.reservation(command.order, edge.now.plus(RESERVATION), &ended);
            Ok(match sheet.clone().reserve(&wish, edge.now)? {
                Some(reserved) => Change::Commit(Counted::new(reserved, (total, used))),
                None => Change::Keep((total, used)),
            })
        })
        .await?;
    let (total, used) = paid;
    Ok((total, Some(used)))
}

/// A lapsed hold frees the code only if its order was never committed: a request that died between the commit and the
/// redemption must not give the code away a second time (SHP-3). Redeems what was committed and answers which orders never
/// came to be; they are read through a watch, since a stale read could miss one.
async fn look_at_lapsed<P: Platform>(edge: &Edge<P>, sheet: SheetId, coupon: &Coupon) -> Result<Vec<OrderId>, Failure> {
    let promo = PromoUse { sheet, coupon: coupon.id };
    let mut ended = Vec::new();
    for order in coupon.lapsed(edge.now) {
        let committed = edge.kv().load::<Order>(&order).await?;
        if committed.is_some_and(|committed| committed.value().paid_with(promo)) {
            let redeemed = edge.transact::<Sheet, ()>(&sheet, Refusal::PromoNotUsable, |sheet, _| {
                Ok(sheet.redeem(promo.coupon, order, edge.now).into())
            });
            redeemed.await?;
        } else {
            ended.push(order);
        }
    }
    Ok(ended)
}
