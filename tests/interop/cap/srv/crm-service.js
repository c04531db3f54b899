// The rules that $metadata does not tell: a client learns of them by being refused.
const cds = require('@sap/cds');

class CrmService extends cds.ApplicationService {
  async init() {
    const { Cases } = this.entities;

    this.before('CREATE', Cases, async (request) => {
      if (!request.data.category) {
        request.error({ code: 'CATEGORY_REQUIRED', message: 'A case needs a category.', target: 'category', status: 400 });
        return;
      }
      const { count } = await SELECT.one.from(Cases).columns('count(1) as count');
      request.data.number = `C-${String(count + 1001)}`;
    });

    this.before('UPDATE', Cases, (request) => {
      if ('category' in request.data && !request.data.category) {
        request.error({ code: 'CATEGORY_REQUIRED', message: 'A case needs a category.', target: 'category', status: 400 });
      }
    });

    return super.init();
  }
}

module.exports = CrmService;
