import { describe, expect, it } from 'vitest';
import { clientOf, post, refusal, startSlack } from './slack-support.ts';

/** So many calls that no budget stands in the way. */
const plenty = { limit: 1000, windowMs: 1000, burst: 1000, per: 'team' } as const;
const free = { default: plenty, 'chat.postMessage': plenty, 'chat.update': plenty };

const button = (fields = {}) => ({
  type: 'button',
  action_id: 'stop',
  text: { type: 'plain_text', text: 'Stop' },
  ...fields,
});
const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } });
const markdown = (text: string) => ({ type: 'markdown', text });

describe('the Web API of the fake Slack', () => {
  it('answers with HTTP 200 whether a call went well or not', async () => {
    const slack = await startSlack();
    for (const [headers, error] of [
      [{}, 'not_authed'],
      [{ authorization: 'Bearer xoxb-wrong' }, 'invalid_auth'],
      [{ authorization: `Bearer ${slack.appToken}` }, 'not_allowed_token_type'],
    ] as const) {
      const response = await fetch(`${slack.apiUrl}auth.test`, { method: 'POST', headers });
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ ok: false, error });
    }
    expect(await clientOf(slack).auth.test()).toMatchObject({
      ok: true,
      team_id: slack.teamId,
      user_id: slack.botUserId,
      bot_id: expect.stringMatching(/^B/),
    });
  });

  it('refuses methods it does not know and names the scope that is missing', async () => {
    const slack = await startSlack({ scopes: ['chat:write'] });
    const client = clientOf(slack);
    expect(await refusal(client.apiCall('chat.invent'))).toBe('unknown_method');
    expect(await refusal(client.apiCall('constructor'))).toBe('unknown_method');
    const answer = await client.users.info({ user: slack.people.asker }).catch(({ data }) => data);
    expect(answer).toMatchObject({ error: 'missing_scope', needed: 'users:read', provided: 'chat:write' });
  });

  it('refuses to write where the bot may not', async () => {
    const slack = await startSlack();
    const client = clientOf(slack);
    const say = (channel: string) => refusal(client.chat.postMessage({ channel, text: 'hi' }));
    expect(await say('C0NOWHERE')).toBe('channel_not_found');
    expect(await say(slack.addChannel('public', { bot: false }))).toBe('not_in_channel');
    expect(await say(slack.addChannel('private', { bot: false, private: true }))).toBe('channel_not_found');
    const old = slack.addChannel('old');
    slack.archive(old);
    expect(await say(old)).toBe('is_archived');
    slack.kickBot(slack.channel);
    expect(await say(slack.channel)).toBe('not_in_channel');
  });

  it('updates and deletes only messages that are there and that are its own', async () => {
    const slack = await startSlack();
    const { chat } = clientOf(slack);
    const { channel } = slack;
    const foreign = slack.say({ channel, user: slack.people.asker, text: 'mine' });
    expect(await refusal(chat.update({ channel, ts: foreign, text: 'yours' }))).toBe('cant_update_message');
    expect(await refusal(chat.delete({ channel, ts: foreign }))).toBe('cant_delete_message');
    expect(await refusal(chat.update({ channel, ts: '1.000001', text: 'x' }))).toBe('message_not_found');
    const own = await post(slack, { text: 'own' });
    await chat.delete({ channel, ts: own });
    expect(await refusal(chat.delete({ channel, ts: own }))).toBe('message_not_found');
    expect(await refusal(chat.postMessage({ channel, text: 'x', thread_ts: own }))).toBe('thread_not_found');
  });

  it('wants something to show', async () => {
    const slack = await startSlack();
    expect(await refusal(post(slack, {}))).toBe('no_text');
    expect(await refusal(post(slack, { text: ' \n' }))).toBe('no_text');
    expect(await refusal(post(slack, { blocks: [] }))).toBe('no_text');
  });

  it('limits the text of an update to 4,000 bytes, and posts up to 40,000 characters', async () => {
    const slack = await startSlack();
    const { channel } = slack;
    const ts = await post(slack, { text: 'x'.repeat(40_001) });
    expect(slack.messages(channel)[0]?.text).toHaveLength(40_000);
    const update = (text: string) => clientOf(slack).chat.update({ channel, ts, text });
    await update('x'.repeat(4000));
    expect(await refusal(update('x'.repeat(4001)))).toBe('msg_too_long');
    expect(await refusal(update('語'.repeat(1334)))).toBe('msg_too_long');
  });

  it('takes Markdown alone, up to 12,000 characters', async () => {
    const slack = await startSlack({ budgets: free });
    await post(slack, { markdown_text: '# Title\n\n**bold**' });
    expect(slack.messages(slack.channel)[0]?.text).toBe('# Title\n\n**bold**');
    expect(await refusal(post(slack, { markdown_text: 'x'.repeat(12_001) }))).toBe('msg_too_long');
    expect(await refusal(post(slack, { markdown_text: 'x', text: 'x' }))).toBe('markdown_text_conflict');
    const blocks = [markdown('x')];
    expect(await refusal(post(slack, { markdown_text: 'x', blocks }))).toBe('markdown_text_conflict');
  });

  it.each([
    ['51 blocks', Array(51).fill(section('x')), 'invalid_blocks'],
    ['an unknown block', [{ type: 'marquee' }], 'invalid_blocks'],
    ['a section of 3,001 characters', [section('x'.repeat(3001))], 'invalid_blocks'],
    ['a section without text', [{ type: 'section' }], 'invalid_blocks'],
    ['an empty markdown block', [markdown('')], 'invalid_blocks'],
    [
      'a markdown block in mrkdwn clothes',
      [{ type: 'markdown', text: { type: 'mrkdwn', text: 'x' } }],
      'invalid_blocks',
    ],
    ['a block without a type', [{ text: 'x' }], 'invalid_blocks_format'],
    ['an empty context', [{ type: 'context', elements: [] }], 'invalid_blocks'],
    [
      'two blocks of one id',
      [
        { ...section('x'), block_id: 'a' },
        { ...section('y'), block_id: 'a' },
      ],
      'invalid_blocks',
    ],
    ['two buttons of one id', [{ type: 'actions', elements: [button(), button()] }], 'invalid_blocks'],
    [
      'an action_id of 256',
      [{ type: 'actions', elements: [button({ action_id: 'x'.repeat(256) })] }],
      'invalid_blocks',
    ],
    [
      'a button text of 76',
      [{ type: 'actions', elements: [button({ text: { type: 'plain_text', text: 'x'.repeat(76) } })] }],
      'invalid_blocks',
    ],
    [
      'a mrkdwn button',
      [{ type: 'actions', elements: [button({ text: { type: 'mrkdwn', text: 'x' } })] }],
      'invalid_blocks',
    ],
    ['a button among context actions', [{ type: 'context_actions', elements: [button()] }], 'invalid_blocks'],
    [
      '12,001 characters of Markdown',
      [markdown('x'.repeat(6000)), markdown('x'.repeat(6001))],
      'msg_blocks_too_long',
    ],
    [
      '13,201 characters in all',
      Array(11)
        .fill(section('x'.repeat(1200)))
        .concat(section('x')),
      'msg_blocks_too_long',
    ],
    ['Markdown that becomes 51 blocks', [markdown('# head\n\ntext\n\n'.repeat(26))], 'msg_blocks_too_long'],
    [
      'headings that cost too much',
      [markdown(`${'# h\n'.repeat(30)}${'x'.repeat(11_000)}`)],
      'msg_blocks_too_long',
    ],
  ])('refuses %s', async (_, blocks, code) => {
    const slack = await startSlack();
    expect(await refusal(post(slack, { text: 'x', blocks }))).toBe(code);
    expect(slack.messages(slack.channel)).toEqual([]);
  });

  it('takes what just fits', async () => {
    const slack = await startSlack();
    await post(slack, { blocks: Array(50).fill(section('x')) });
    await post(slack, { blocks: [markdown('x'.repeat(12_000)), section('y'.repeat(1200))] });
    const elements = [
      button({ action_id: 'x'.repeat(255), text: { type: 'plain_text', text: 'x'.repeat(75) } }),
    ];
    await post(slack, { text: 'x', blocks: [section('x'.repeat(3000)), { type: 'actions', elements }] });
    expect(slack.messages(slack.channel)).toHaveLength(3);
  });

  it('says where in the blocks the fault is', async () => {
    const slack = await startSlack();
    const answer = await post(slack, { blocks: [section('x'), { type: 'marquee' }] }).catch(
      ({ data }) => data,
    );
    const messages = ['unsupported type: marquee [json-pointer:/blocks/1/type]'];
    expect(answer.response_metadata).toMatchObject({ messages });
  });

  it('shows a message as a person reads it: text, then the small print, and the buttons', async () => {
    const slack = await startSlack();
    const side = (text: string) => ({ text: { type: 'plain_text', text }, value: text });
    const feedback = {
      type: 'feedback_buttons',
      action_id: 'rate',
      positive_button: side('Good'),
      negative_button: side('Bad'),
    };
    await post(slack, {
      text: 'fallback',
      blocks: [
        markdown('**bold** | `a < b`'),
        section(`for <@${slack.people.asker}>: <https://example.com|a link> &amp; more`),
        { type: 'context', elements: [{ type: 'mrkdwn', text: 'took 3 s' }] },
        { type: 'actions', elements: [button()] },
        { type: 'context_actions', elements: [feedback] },
      ],
    });
    expect(slack.messages(slack.channel)[0]).toMatchObject({
      text: '**bold** | `a < b`\n\nfor @asker: [a link](https://example.com) & more\n\ntook 3 s',
      buttons: [
        { id: 'stop', label: 'Stop' },
        { id: 'rate:Good', label: 'Good' },
        { id: 'rate:Bad', label: 'Bad' },
      ],
    });
  });

  it('lets text alone take the blocks away, and blocks alone keep the text', async () => {
    const slack = await startSlack();
    const { channel } = slack;
    const { chat } = clientOf(slack);
    const ts = await post(slack, { text: 'one', blocks: [section('block')] });
    await chat.update({ channel, ts, text: 'two' });
    expect(slack.messages(channel)[0]).toMatchObject({ text: 'two', edits: 1 });
    const { message } = await chat.update({ channel, ts, blocks: [section('again')] });
    expect(message?.text).toBe('two');
    expect(slack.messages(channel)[0]).toMatchObject({ text: 'again', edits: 2 });
  });

  it('knows each reaction once', async () => {
    const slack = await startSlack();
    const { reactions } = clientOf(slack);
    const timestamp = slack.say({ channel: slack.channel, user: slack.people.asker, text: 'hi' });
    const eyes = { channel: slack.channel, timestamp, name: 'eyes' };
    await reactions.add(eyes);
    expect(await refusal(reactions.add(eyes))).toBe('already_reacted');
    expect(slack.messages(slack.channel)[0]?.reactions).toEqual(['eyes']);
    await reactions.remove(eyes);
    expect(await refusal(reactions.remove(eyes))).toBe('no_reaction');
    expect(await refusal(reactions.add({ ...eyes, name: 'not an emoji' }))).toBe('invalid_name');
    expect(slack.messages(slack.channel)[0]?.reactions).toEqual([]);
  });

  it('shows an ephemeral message to one person, and to no method', async () => {
    const slack = await startSlack();
    const client = clientOf(slack);
    const { channel, people } = slack;
    const { message_ts } = await client.chat.postEphemeral({ channel, user: people.asker, text: 'psst' });
    expect(slack.messages(channel)).toMatchObject([{ text: 'psst', onlyFor: people.asker }]);
    expect(slack.messages(channel, people.colleague)).toEqual([]);
    expect(await refusal(client.chat.update({ channel, ts: message_ts!, text: 'x' }))).toBe(
      'message_not_found',
    );
    const stranger = slack.addUser('stranger');
    expect(await refusal(client.chat.postEphemeral({ channel, user: stranger, text: 'x' }))).toBe(
      'user_not_in_channel',
    );
  });

  it('keeps metadata and gives it back to whoever asks for it', async () => {
    const slack = await startSlack();
    const { conversations } = clientOf(slack);
    const { channel } = slack;
    const metadata = { event_type: 'reply', event_payload: { key: 'k1' } };
    const parent = slack.say({ channel, user: slack.people.asker, text: 'question' });
    const ts = await post(slack, { text: 'answer', thread_ts: parent, metadata });
    await clientOf(slack).chat.update({ channel, ts, text: 'answer, edited' });
    const { messages } = await conversations.replies({ channel, ts: parent, include_all_metadata: true });
    expect(messages).toMatchObject([
      { ts: parent, reply_count: 1 },
      { ts, thread_ts: parent, metadata },
    ]);
    const without = await conversations.replies({ channel, ts: parent });
    expect(without.messages?.[1]).not.toHaveProperty('metadata');
    expect(await refusal(post(slack, { text: 'x', metadata: { event_type: 'reply' } }))).toBe(
      'invalid_metadata_schema',
    );
  });

  it('lists the history of a channel, newest first and page by page', async () => {
    const slack = await startSlack();
    const { conversations } = clientOf(slack);
    const { channel } = slack;
    const said = ['a', 'b', 'c'].map((text) => slack.say({ channel, user: slack.people.asker, text }));
    slack.say({ channel, user: slack.people.asker, text: 'in a thread', thread: said[0]! });
    const first = await conversations.history({ channel, limit: 2 });
    expect(first.messages?.map(({ text }) => text)).toEqual(['c', 'b']);
    expect(first.has_more).toBe(true);
    const cursor = first.response_metadata!.next_cursor!;
    const second = await conversations.history({ channel, limit: 2, cursor });
    expect(second.messages?.map(({ text }) => text)).toEqual(['a']);
    const since = await conversations.history({ channel, oldest: said[1]! });
    expect(since.messages?.map(({ text }) => text)).toEqual(['c']);
    expect(await refusal(conversations.history({ channel, oldest: 'yesterday' }))).toBe('invalid_ts_oldest');
  });

  it('lists a thread from its first message on, to members of the channel with the scope for it', async () => {
    const slack = await startSlack({ scopes: ['channels:history'] });
    const { conversations } = clientOf(slack);
    const { channel, people } = slack;
    const user = slack.addUser('alerts', { bot: true });
    const attachments = [{ title: 'Disk full' }];
    const ts = slack.say({ channel, user, text: '', attachments });
    const [, second] = ['a', 'b'].map((text) => slack.say({ channel, user: people.asker, text, thread: ts }));
    const before = await conversations.replies({ channel, ts, latest: second!, limit: 1 });
    expect(before.messages).toMatchObject([{ user, bot_profile: { name: 'alerts' }, attachments }]);
    expect(before.has_more).toBe(true);
    const cursor = before.response_metadata!.next_cursor!;
    const rest = await conversations.replies({ channel, ts, latest: second!, limit: 1, cursor });
    expect(rest).toMatchObject({ messages: [{ ts }, { text: 'a', user: people.asker }], has_more: false });
    const since = await conversations.replies({ channel, ts, oldest: second! });
    expect(since.messages?.map((one) => one.ts)).toEqual([ts]);

    const refused = (where: string, more = {}) =>
      refusal(conversations.replies({ channel: where, ts, ...more }));
    expect(await refused(channel, { ts: '1.000001' })).toBe('thread_not_found');
    expect(await refused(channel, { latest: 'now' })).toBe('invalid_ts_latest');
    expect(await refused(slack.addChannel('elsewhere', { bot: false }))).toBe('not_in_channel');
    expect(await refused(slack.addChannel('hidden', { private: true }))).toBe('missing_scope');
    expect(await refused('C0NOWHERE')).toBe('channel_not_found');
  });

  it('knows its people and their DMs', async () => {
    const slack = await startSlack({ scopes: ['users:read', 'im:write', 'chat:write'] });
    const client = clientOf(slack);
    const { people } = slack;
    expect((await client.users.info({ user: people.admin })).user).toMatchObject({
      name: 'admin',
      is_admin: true,
    });
    expect(await refusal(client.users.info({ user: 'U0NOBODY' }))).toBe('user_not_found');
    const opened = await client.conversations.open({ users: people.asker });
    expect(opened).toMatchObject({ already_open: true, channel: { id: slack.dm } });
    expect(await refusal(client.conversations.open({ users: 'U0NOBODY' }))).toBe('user_not_found');
    expect(await refusal(client.conversations.open({ users: slack.botUserId }))).toBe('cannot_dm_bot');
    const { channel } = await client.chat.postMessage({ channel: people.colleague, text: 'hi' });
    expect(channel).toBe(slack.openDm(people.colleague));
  });

  it('wants channels:read for conversations.info', async () => {
    const without = await startSlack({ scopes: [] });
    const { conversations } = clientOf(without);
    expect(await refusal(conversations.info({ channel: without.channel }))).toBe('missing_scope');
    const slack = await startSlack({ scopes: ['channels:read'] });
    const { channel } = await clientOf(slack).conversations.info({ channel: slack.channel });
    expect(channel).toMatchObject({ name: 'general', is_member: true });
  });

  it('lists the channels that the bot is in, of the kinds that are asked for, page by page', async () => {
    const slack = await startSlack({ scopes: ['channels:read', 'im:read'] });
    const { users } = clientOf(slack);
    const { channel, dm } = slack;
    slack.addChannel('elsewhere', { bot: false });
    const old = slack.addChannel('old');
    slack.archive(old);
    slack.addChannel('hidden', { private: true });
    const listed = async (options: object) => {
      const { channels, response_metadata } = await users.conversations(options);
      return { ids: channels!.map(({ id }) => id), next: response_metadata!.next_cursor };
    };
    expect(await listed({})).toEqual({ ids: [channel, old], next: '' });
    expect((await listed({ exclude_archived: true })).ids).toEqual([channel]);
    const types = 'public_channel,im';
    const first = await listed({ types, limit: 2 });
    expect(first.ids).toEqual([channel, dm]);
    expect(await listed({ types, limit: 2, cursor: first.next })).toEqual({ ids: [old], next: '' });
    expect(await refusal(users.conversations({ types: 'im,private_channel' }))).toBe('missing_scope');
    expect(await refusal(users.conversations({ types: 'everything' }))).toBe('invalid_types');
  });

  it('gives files to the bot, and a login page to everybody else', async () => {
    const slack = await startSlack();
    const content = Buffer.from([137, 80, 78, 71]);
    const files = [{ name: 'cat.png', mimetype: 'image/png', content }];
    slack.say({ channel: slack.dm, user: slack.people.asker, text: 'look', files });
    const { messages } = await clientOf(slack).conversations.history({ channel: slack.dm });
    const file = messages![0]!.files![0]!;
    expect(file).toMatchObject({ name: 'cat.png', mimetype: 'image/png', size: 4 });
    const get = (headers: Record<string, string>) => fetch(file.url_private!, { headers });
    const mine = await get({ authorization: `Bearer ${slack.botToken}` });
    expect(Buffer.from(await mine.arrayBuffer())).toEqual(content);
    const theirs = await get({});
    expect([theirs.status, theirs.headers.get('content-type')]).toEqual([200, 'text/html']);
  });
});

describe('mentions in what the bot writes', () => {
  it('are recorded wherever they resolve, unless they were escaped or typed as plain text', async () => {
    const slack = await startSlack({ budgets: free });
    const asker = `<@${slack.people.asker}>`;
    await post(slack, { text: '&lt;!channel&gt; @here < !channel> <#C0SANDBOX01>' });
    expect(slack.pings).toEqual([]);
    const posts = [
      await post(slack, { text: `hello ${asker}` }),
      await post(slack, { text: 'x', blocks: [markdown('see `<!channel>`')] }),
      await post(slack, { markdown_text: '<!here|here> <!subteam^S123|@team>' }),
    ];
    expect(slack.pings).toEqual([
      { message: posts[0], what: asker, notified: true },
      { message: posts[1], what: '<!channel>', notified: true },
      { message: posts[2], what: '<!here|here>', notified: true },
      { message: posts[2], what: '<!subteam^S123|@team>', notified: true },
    ]);
  });

  it('notify nobody when they come by an edit', async () => {
    const slack = await startSlack();
    const { channel } = slack;
    const ts = await post(slack, { text: '…' });
    await clientOf(slack).chat.update({ channel, ts, text: '<!channel>' });
    await clientOf(slack).chat.update({ channel, ts, text: '<!channel> again' });
    expect(slack.pings).toEqual([{ message: ts, what: '<!channel>', notified: false }]);
  });
});
