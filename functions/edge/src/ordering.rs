//! Orders as they are committed, alike for the storefront, the webhooks of webstores and whoever marks an invoice paid.
//!
//! The licences that a complete order names are written before it, and the promo code that pays for it is held before it; a
//! crash in between burns nothing and issues nothing (SHP-3, SHP-6).

use kv_schema::record::{Record, Stored};
use shared::{
    audit::Action,
    batch::Batch,
    checkout::{Cart, Quote},
    decision::{Counted, Decision},
    effect::Effect,
    operator::OnDuty,
    order::{Claims, Correction, Hold, Issue, News, Order, Parcel, ShippedSerial, Taken},
    promo::{CustomerTag, Presented, Promo, PromoUse, RESERVATION, Sheet},
    refusal::Refusal,
    values::{CouponId, LicenceId, Line, OrderId, PartnerId, Seconds, Serial},
};

use crate::{
    edge::{BUSY_RETRY_AFTER, Change, Edge, NowStands},
    failure::Failure,
    platform::Platform,
};

/// Longer than a request lives, by any clock.
const REQUEST: Seconds = Seconds::minutes(2);
const BUSY: Refusal = Refusal::Busy { retry_after: BUSY_RETRY_AFTER };

impl<P: Platform> Edge<P> {
    /// Writes licences that an order is about to name. Should this request die before that, a sweep removes them; what they
    /// replace it removes as soon as the order names it no more.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when they cannot be noted; a fault of the store.
    pub async fn write_licences(&self, order: &OrderId, issue: &Issue, replaced: &[LicenceId]) -> Result<(), Failure> {
        let noted = issue.licences.iter().map(|licence| &licence.id).chain(replaced).map(|id| *id.bytes());
        self.note::<Order>(&[Order::key(order)], &noted.collect::<Vec<_>>()).await?;
        for licence in &issue.licences {
            self.insert(&licence.id, Decision::quiet(Action::LicenceIssue, licence.clone())).await?;
        }
        Ok(())
    }

    /// Has an order know what a webstore tells of it (SHP-7): 1 read when it knew. A commit leaves `more` to be done.
    ///
    /// # Errors
    /// [`Refusal::OrderContradicted`]; [`Refusal::Busy`]; a fault of the store.
    pub async fn hear(
        &self,
        partner: &PartnerId,
        order: &Line<80>,
        news: &News<'_>,
        more: &[Effect],
    ) -> Result<Stored<Order>, Failure> {
        let unheard = Order::unheard(partner, order, &self.keys);
        let id = unheard.id;
        let known = self.kv().get::<Order>(&id).await?;
        let current = known.as_ref().map_or(&unheard, Stored::value);
        let products = news.sale().filter(|_| current.needs_issue(news)).map(|sale| sale.cart.products());
        let issue = products.map(|products| Issue::of(id, products, &self.keys, &mut self.rng()));
        let decided = current.clone().hear(news, issue.as_ref(), &self.gateway, self.now);
        let decision = match (&known, decided) {
            // What was known only grows: even if this read is a stale one, there is nothing new.
            (Some(stored), Ok(None)) => {
                self.drain(stored.envelope()).await;
                return Ok(stored.clone());
            }
            (Some(stored), Err(refusal)) => {
                self.drain(stored.envelope()).await;
                return Err(refusal.into());
            }
            (_, decided) => decided?,
        };
        if let Some(issue) = &issue {
            self.write_licences(&id, issue, &[]).await?;
        }
        if let (None, Some(decision)) = (&known, decision)
            && let NowStands::Ours(stored) = self.create(&id, decision.and(more.to_vec())).await?
        {
            return Ok(stored);
        }
        let heard = self.transact::<Order, ()>(&id, BUSY, |order, _| {
            let heard = order.hear(news, issue.as_ref(), &self.gateway, self.now)?;
            Ok(heard.map(|decision| decision.and(more.to_vec())).into())
        });
        Ok(heard.await?.1)
    }

    /// An order of the storefront is paid (SHP-5), as whoever has just loaded it knows. One that has lapsed needs its promo
    /// code again; if somebody else took that meanwhile, the order only remembers that it was paid. The commit leaves `more`
    /// to be done.
    ///
    /// # Errors
    /// [`Refusal::Busy`]; a fault of the store.
    pub async fn pay_order(&self, stored: Stored<Order>, more: &[Effect]) -> Result<Stored<Order>, Failure> {
        let order = stored.value();
        let id = &order.id;
        let lapsed_with = order.promo_to_hold_again();
        let held = match lapsed_with {
            Some(promo) => self.hold_promo_again(promo, order).await?,
            None => false,
        };
        let completes = order.can_be_completed() && (held || lapsed_with.is_none());
        let issue = completes.then(|| Issue::of(*id, order.products(), &self.keys, &mut self.rng()));
        if let Some(issue) = &issue {
            self.write_licences(id, issue, &[]).await?;
        }
        let paid = self.transact::<Order, ()>(id, Refusal::NotFound, |order, _| {
            // It lapsed after the look: the next try holds the code first.
            if order.promo_to_hold_again() != lapsed_with {
                return Err(BUSY);
            }
            let paid = order.pay(issue.as_ref(), held, None, &self.gateway, self.now)?;
            Ok(paid.map(|decision| decision.and(more.to_vec())).into())
        });
        Ok(paid.await?.1)
    }

    /// Sends new licence keys for the units of an order that nobody has activated (SHP-6). Within
    /// [`shared::order::REISSUE_PAUSE`] of the last time nothing is done: they are on their way. Says whether it sent some.
    ///
    /// # Errors
    /// [`Refusal::WrongStage`] when there is nothing to send; [`Refusal::Busy`]; a fault of the store.
    pub async fn reissue_licences(&self, known: &Stored<Order>) -> Result<(Stored<Order>, bool), Failure> {
        let order = known.value();
        let unactivated = order.unactivated().map(|unit| &unit.product);
        let issue = Issue::of(order.id, unactivated, &self.keys, &mut self.rng());
        if order.clone().reissue(&issue, &self.gateway, self.now)?.is_none() {
            self.drain(known.envelope()).await;
            return Ok((known.clone(), false));
        }
        let replaced: Vec<LicenceId> = order.unactivated().map(|unit| unit.licence).collect();
        self.write_licences(&order.id, &issue, &replaced).await?;
        let sent = self.transact::<Order, bool>(&order.id, Refusal::NotFound, |order, _| {
            Ok(match order.reissue(&issue, &self.gateway, self.now)? {
                Some(decision) => Change::Commit(Counted::new(decision, true)),
                None => Change::Keep(false),
            })
        });
        let (sent, stored) = sent.await?;
        Ok((stored, sent))
    }

    /// Notes a parcel that was shipped (SHP-8): what came of each token. `whole` refuses all of it where one cannot be noted.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::InvalidInput`] and [`Refusal::WrongStage`] for what is refused as a `whole`;
    /// [`Refusal::Busy`]; a fault of the store.
    pub async fn ship(
        &self,
        id: &OrderId,
        parcel: &Parcel,
        by: &OnDuty<'_>,
        whole: bool,
    ) -> Result<(Vec<Result<Taken, Refusal>>, Stored<Order>), Failure> {
        let known = self.order_now(id).await?.into_value();
        let mut claims = Claims::new();
        loop {
            let wanted = known.to_claim(parcel, &claims, &self.gateway);
            if wanted.is_empty() {
                break;
            }
            claims.extend(self.claim_serials(id, &wanted).await?);
        }
        self.transact::<Order, Vec<Result<Taken, Refusal>>>(id, Refusal::NotFound, |order, _| {
            let dispatch = order.ship(parcel, &claims, by, &self.gateway, self.now);
            let outcomes = dispatch.outcomes.clone();
            let decision = if whole { dispatch.whole(parcel)? } else { dispatch.decision };
            Ok(match decision {
                Some(decision) => Change::Commit(Counted::new(decision, outcomes)),
                None => Change::Keep(outcomes),
            })
        })
        .await
    }

    /// Replaces a serial number that was mistyped (SHP-8).
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::InvalidInput`]; [`Refusal::WrongStage`]; [`Refusal::Busy`]; a fault of the store.
    pub async fn correct_serial(&self, id: &OrderId, correction: &Correction) -> Result<Stored<Order>, Failure> {
        let known = self.order_now(id).await?.into_value();
        let claimed = match known.correct(correction, true)? {
            Some(_) => {
                let claims = self.claim_serials(id, &[&correction.right]).await?;
                claims.into_values().collect::<Result<(), Refusal>>().map_err(|refusal| refusal.moved("right"))?;
                true
            }
            None => false,
        };
        let corrected = self
            .transact::<Order, ()>(id, Refusal::NotFound, |order, _| Ok(order.correct(correction, claimed)?.into()));
        Ok(corrected.await?.1)
    }

    /// The order as it is now: what is refused by it is refused for good.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; a fault of the store.
    pub async fn order_now(&self, id: &OrderId) -> Result<Stored<Order>, Failure> {
        Ok(self.kv().load::<Order>(id).await?.ok_or(Refusal::NotFound)?.into_stored())
    }

    /// Claims serial numbers that the order is about to name. Should this request die before that, they are free again soon.
    async fn claim_serials(&self, order: &OrderId, serials: &[&Serial]) -> Result<Claims, Failure> {
        let keys = serials.iter().map(|serial| ShippedSerial::key(&ShippedSerial::id_of(serial, &self.keys)));
        self.note::<Order>(&core::iter::once(Order::key(order)).chain(keys).collect::<Vec<_>>(), &[]).await?;
        let mut claims = Claims::new();
        for serial in serials {
            let claim = match self.claim_serial(order, serial).await {
                Ok(()) => Ok(()),
                Err(Failure::Refused(refusal)) => Err(refusal),
                Err(fault) => return Err(fault),
            };
            claims.insert((*serial).clone(), claim);
        }
        Ok(claims)
    }

    async fn claim_serial(&self, order: &OrderId, serial: &Serial) -> Result<(), Failure> {
        let id = ShippedSerial::id_of(serial, &self.keys);
        let NowStands::Another(stored) = self.create(&id, ShippedSerial::claimed(id, *order, self.now)).await? else {
            return Ok(());
        };
        let looked_at = stored.value().order;
        let holder = match looked_at {
            own if own == *order => None,
            // Watched, and read after the claim: a plain read could be older than the commit that the claim was made for.
            other => self.kv().load::<Order>(&other).await?.map(|seen| seen.into_stored().into_value()),
        };
        let claimed = self.transact::<ShippedSerial, ()>(&id, BUSY, |record, _| {
            Ok(record.claim(serial, *order, looked_at, holder.as_ref(), self.now)?.into())
        });
        claimed.await.map(drop)
    }

    /// Holds a promo code for an order once `decide` accepts what it leaves to pay; what an order remembers of the code
    /// (SHP-2, SHP-3). 3 reads and 1 write, and 1 read for each lapsed hold on it.
    ///
    /// # Errors
    /// [`Refusal::PromoNotUsable`]; what `decide` refuses, with nothing held; [`Refusal::Busy`]; a fault of the store.
    pub async fn reserve_promo<T>(
        &self,
        presented: Presented,
        order: OrderId,
        cart: &Cart<'_>,
        decide: impl Fn(Quote) -> Result<T, Refusal>,
    ) -> Result<(T, PromoUse), Failure> {
        let batch = self.kv().get::<Batch>(&presented.batch).await?.map(Stored::into_value);
        let id = presented.sheet(batch.as_ref());
        let stored = self.kv().get::<Sheet>(&id).await?;
        let ended = self.settle_lapsed_holds(stored.as_ref().map(Stored::value), presented.coupon).await?;
        let until = self.now.plus(RESERVATION);
        let reserved = self.transact::<Sheet, (T, PromoUse)>(&id, Refusal::PromoNotUsable, |sheet, _| {
            let promo = Promo::met(presented, batch.as_ref(), Some(&sheet))?;
            let decided = decide(Quote::of(cart, Some(&promo), order, self.now)?)?;
            let outcome = (decided, promo.used());
            Ok(match sheet.clone().reserve(&promo.reservation(order, until, &ended), self.now)? {
                Some(reserved) => Change::Commit(Counted::new(reserved, outcome)),
                None => Change::Keep(outcome),
            })
        });
        Ok(reserved.await?.0)
    }

    /// Holds the code again for an order that had lapsed, whether its offer is still in time or not; says whether it could be
    /// had.
    async fn hold_promo_again(&self, promo: PromoUse, order: &Order) -> Result<bool, Failure> {
        let Some(stored) = self.kv().get::<Sheet>(&promo.sheet).await? else {
            return Ok(false);
        };
        let batch = self.kv().get::<Batch>(&stored.value().batch).await?.map(Stored::into_value);
        // Nobody replaces what is about to be removed.
        if batch.as_ref().is_none_or(|batch| batch.ends_at() <= self.now.plus(REQUEST)) {
            return Ok(false);
        }
        let customer =
            order.bought.as_ref().map(|bought| CustomerTag::of(promo.coupon, &bought.customer.email, &self.keys));
        let presented = Presented { batch: stored.value().batch, coupon: promo.coupon, customer };
        let ended = self.settle_lapsed_holds(Some(stored.value()), promo.coupon).await?;
        let until = self.now.plus(RESERVATION);
        let held = self.transact::<Sheet, ()>(&promo.sheet, Refusal::PromoNotUsable, |sheet, _| {
            let promo = Promo::met(presented, batch.as_ref(), Some(&sheet))?;
            Ok(sheet.clone().reserve(&promo.reservation(order.id, until, &ended), self.now)?.into())
        });
        match held.await {
            Ok(_) => Ok(true),
            Err(Failure::Refused(Refusal::PromoNotUsable)) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// A lapsed hold frees the code only if the order has no claim to it (SHP-3): a request that died between the order's
    /// commit and what follows it must not give the code away a second time, and an order that waits for its payment lapses
    /// first, by a commit of its own. Answers whose holds are over; the orders are read through a watch, since a stale read
    /// could miss one.
    async fn settle_lapsed_holds(&self, sheet: Option<&Sheet>, coupon: CouponId) -> Result<Vec<OrderId>, Failure> {
        let mut ended = Vec::new();
        let Some((sheet, coupon)) = sheet.and_then(|sheet| Some((sheet.id, sheet.coupon(coupon)?))) else {
            return Ok(ended);
        };
        let promo = PromoUse { sheet, coupon: coupon.id };
        for order in coupon.lapsed(self.now) {
            let settled = match self.claim_of(&order, promo).await? {
                Hold::Over => {
                    ended.push(order);
                    continue;
                }
                Hold::Redeemed => {
                    self.transact::<Sheet, ()>(&sheet, Refusal::PromoNotUsable, |sheet, _| {
                        Ok(sheet.redeem(promo.coupon, order, self.now).into())
                    })
                    .await
                }
                Hold::Until(until) => {
                    self.transact::<Sheet, ()>(&sheet, Refusal::PromoNotUsable, |sheet, _| {
                        Ok(sheet.extend(promo.coupon, order, until).into())
                    })
                    .await
                }
            };
            settled?;
        }
        Ok(ended)
    }

    async fn claim_of(&self, order: &OrderId, promo: PromoUse) -> Result<Hold, Failure> {
        let Some(seen) = self.kv().load::<Order>(order).await? else {
            return Ok(Hold::Over);
        };
        if seen.value().clone().lapse(&self.gateway, self.now).is_none() {
            return Ok(seen.value().hold_on(promo));
        }
        let lapsed =
            self.transact::<Order, ()>(order, BUSY, |order, _| Ok(order.lapse(&self.gateway, self.now).into()));
        Ok(lapsed.await?.1.value().hold_on(promo))
    }
}
