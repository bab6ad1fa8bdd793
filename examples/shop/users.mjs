/** Three visitors of the shop, as evaluation contexts. */

export const USERS = {
  ana: {
    about: 'works here, Amsterdam, gold plan',
    context: {
      targetingKey: 'ana',
      accountId: 'account-17',
      email: 'ana@shop.example',
      country: 'NL',
      appVersion: '3.4.0',
      customer: { plan: 'gold' },
      orders: 12,
      basket: { total: 80, digitalOnly: false },
    },
  },
  ben: {
    about: 'customer from Berlin, second order, a large basket',
    context: {
      targetingKey: 'ben',
      accountId: 'account-24',
      email: 'ben@mail.example',
      country: 'DE',
      appVersion: '3.2.1',
      customer: { plan: 'free' },
      orders: 1,
      basket: { total: 210, digitalOnly: false },
    },
  },
  crawler: {
    about: 'a search engine',
    context: {
      targetingKey: 'visitor-9',
      accountId: 'visitor-9',
      anonymous: true,
      userAgent: 'search-bot/2.1',
      country: 'US',
    },
  },
};
